// Package randomid makes identifiers from a loop's random numbers, so that a simulation makes the same
// ones from the same seed.
package randomid

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
)

// UUID returns a random UUID (RFC 9562, version 4) as the 16 bytes that messages carry.
func UUID(r *rand.Rand) []byte {
	b := make([]byte, 16)
	binary.LittleEndian.PutUint64(b, r.Uint64())
	binary.LittleEndian.PutUint64(b[8:], r.Uint64())
	b[6] = b[6]&0x0f | 0x40 // version
	b[8] = b[8]&0x3f | 0x80 // variant
	return b
}

// Text returns a random UUID in its usual form, for example 0b6b0a1c-5f43-4a6e-9c07-1a0e2f3d4c5b.
func Text(r *rand.Rand) string {
	b := UUID(r)
	text := []byte("00000000-0000-0000-0000-000000000000")
	hex.Encode(text[0:8], b[0:4])
	hex.Encode(text[9:13], b[4:6])
	hex.Encode(text[14:18], b[6:8])
	hex.Encode(text[19:23], b[8:10])
	hex.Encode(text[24:36], b[10:16])
	return string(text)
}
