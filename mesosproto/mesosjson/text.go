package mesosjson

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

const hexDigits = "0123456789ABCDEF"

// plain says of a byte that it stands for itself between quotation marks and needs no closer look.
var plain = func() (t [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// plainPrefix returns how many bytes at the beginning of s are plain. It looks at eight at once.
func plainPrefix(s []byte) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i+8 <= len(s); i += 8 {
		x := binary.LittleEndian.Uint64(s[i:])
		quote, backslash := x^(ones*'"'), x^(ones*'\\')
		// The high bit of each byte that is zero, below ' ', or beyond ASCII. A borrow can set further
		// ones, but only above the lowest, which is the one that counts.
		if found := ((quote-ones)&^quote | (backslash-ones)&^backslash | (x-ones*' ')&^x | x) & highs; found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for i < len(s) && plain[s[i]] {
		i++
	}
	return i
}

// AppendString appends s as a JSON string, quotation marks included, as [Marshal] writes strings: for
// documents that are not messages.
func AppendString(dst []byte, s string) []byte { return appendString(dst, []byte(s)) } // no copy is made

// appendString appends s as a JSON string with the reference's escapes: short ones where there are
// any, otherwise \u00XX in capitals, and only where JSON demands one. Bytes that are not UTF-8 become
// U+FFFD, each of them.
func appendString(dst, s []byte) []byte {
	dst = append(dst, '"')
	for {
		n := plainPrefix(s)
		dst = append(dst, s[:n]...)
		s = s[n:]
		if len(s) == 0 {
			return append(dst, '"')
		}
		c := s[0]
		size := 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\f':
			dst = append(dst, '\\', 'f')
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			if c < ' ' {
				dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
				break
			}
			var r rune // U+FFFD of size 1 for a byte that is not UTF-8
			r, size = utf8.DecodeRune(s)
			dst = utf8.AppendRune(dst, r)
		}
		s = s[size:]
	}
}
