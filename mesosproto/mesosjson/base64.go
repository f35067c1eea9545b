package mesosjson

import "strconv"

// sextets maps the standard base64 alphabet to 0…63, white space and everything else to the marks.
var sextets = func() (t [256]byte) {
	for i := range t {
		t[i] = notBase64
	}
	for i, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		t[c] = byte(i)
	}
	for _, c := range []byte(" \t\n\v\f\r") {
		t[c] = whiteSpace
	}
	return t
}()

const (
	whiteSpace = 0x40
	notBase64  = 0x80
)

// decodeBase64 decodes text in place and returns the part of it that holds the result. White space
// is skipped, the first '=' ends the data, and padding is not demanded; bits that make no full byte
// are dropped.
//
// Source: Mesos 3rdparty/stout/include/stout/base64.hpp.
func decodeBase64(text []byte) ([]byte, error) {
	out := text[:0]
	var buffer uint32
	bits := 0
	for i, c := range text {
		if c == '=' {
			break
		}
		v := sextets[c]
		if v >= whiteSpace {
			if v == whiteSpace {
				continue
			}
			return nil, &fieldError{
				before: "Failed to base64 decode bytes field",
				after:  ": Invalid character '" + string(rune(c)) + "' at position " + strconv.Itoa(i),
			}
		}
		buffer = buffer<<6 | uint32(v)
		if bits += 6; bits >= 8 {
			bits -= 8
			out = append(out, byte(buffer>>bits))
		}
	}
	return out, nil
}
