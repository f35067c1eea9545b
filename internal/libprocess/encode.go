package libprocess

import (
	"fmt"
	"strconv"
)

// The bytes of a message, header for header as the reference writes them; clients exist that look no closer than
// that. A body is exactly one chunk; an empty one has neither Content-Length nor Transfer-Encoding.
//
// Source: Mesos 3rdparty/libprocess/src/encoder.hpp, MessageEncoder.
func appendHead(b []byte, from string, to UPID, name string, size int) []byte {
	b = append(b, "POST /"...)
	b = appendID(b, to.ID)
	b = append(b, '/')
	b = append(b, name...)
	b = append(b, " HTTP/1.1\r\nUser-Agent: libprocess/"...)
	b = append(b, from...)
	b = append(b, "\r\nLibprocess-From: "...)
	b = append(b, from...)
	b = append(b, "\r\nConnection: Keep-Alive\r\nHost: "...)
	b = to.Addr().AppendTo(b)
	b = append(b, "\r\n"...)
	if size > 0 {
		b = append(b, "Transfer-Encoding: chunked\r\n\r\n"...)
		b = strconv.AppendInt(b, int64(size), 16)
	}
	return append(b, "\r\n"...)
}

func appendTail(b []byte, size int) []byte {
	if size > 0 {
		b = append(b, "\r\n0\r\n\r\n"...)
	}
	return b
}

// requestSize is a capacity that a request fits into, unless its id needs escapes.
func requestSize(from string, to UPID, name string, size int) int {
	const fixed = 192 // constant text, Host and chunk size
	return fixed + 2*len(from) + len(to.ID) + len(name) + size
}

// appendID writes an id as path segment. Ids of real processes are plain and are sent raw, as the reference does,
// which decodes escapes; an id from a hostile peer must not break out of the request line.
func appendID(b []byte, id string) []byte {
	for i := range len(id) {
		if c := id[i]; plainRune(rune(c)) {
			b = append(b, c)
		} else {
			b = append(b, '%', "0123456789ABCDEF"[c>>4], "0123456789ABCDEF"[c&15])
		}
	}
	return b
}

func plainRune(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return true
	}
	switch r {
	case '(', ')', '-', '.', '_', '~':
		return true
	}
	return false
}

func checkRequest(to UPID, name string) error {
	if !to.Valid() {
		return fmt.Errorf("libprocess: %q can't be sent to; it needs an id, an IP and a port", to)
	}
	if name == "" {
		return fmt.Errorf("libprocess: message to %s has no name", to)
	}
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_':
		default:
			return fmt.Errorf("libprocess: message name %q must be letters, digits, . and _ only", name)
		}
	}
	return nil
}
