package operatorapi

import (
	"encoding/binary"
	"hash/crc32"
	"net/http"
	"strconv"
	"strings"

	"github.com/mesokit/mesokit/internal/httpapi"
)

// Serve answers with a document: as it is, or wrapped in a call if the query has jsonp; compressed from
// 1024 bytes on if the client takes gzip; with 304 and nothing if the client says it has it.
//
// Any method is answered alike: clients of the reference POST to endpoints that read.
func Serve(w http.ResponseWriter, r *http.Request, d *Document) {
	h := w.Header()
	contentType, before, after := "application/json", "", ""
	if callback, wanted := r.URL.Query()["jsonp"]; wanted && callback[0] != "" {
		if !validCallback(callback[0]) {
			httpapi.Refuse(w, http.StatusBadRequest, "Invalid 'jsonp': expecting letters, digits and any of _$.[]")
			return
		}
		contentType, before, after = "text/javascript", callback[0]+"(", ")"
	}
	h.Set("ETag", d.etag)
	h.Set("Cache-Control", "no-cache") // to be kept, but asked for again
	h.Add("Vary", "Accept-Encoding")
	if matches(r.Header, d.etag) && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", contentType)
	h.Set("X-Content-Type-Options", "nosniff")
	parts := d.parts
	if before != "" {
		parts = append(append([]*Fragment{NewFragment([]byte(before))}, parts...), NewFragment([]byte(after)))
	}
	if d.size >= minCompressed && r.Method != http.MethodHead && acceptsGzip(r.Header) {
		h.Set("Content-Encoding", "gzip")
		writeGzip(w, parts)
		return
	}
	h.Set("Content-Length", strconv.Itoa(d.size+len(before)+len(after)))
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return
	}
	for _, p := range parts {
		if _, err := w.Write(p.plain); err != nil {
			return
		}
	}
}

// minCompressed is the size from which the reference compresses.
const minCompressed = 1024

// gzipHeader: deflate, no name, no time, unknown system.
const gzipHeader = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"

// lastBlock is an empty stored block that is the last one.
const lastBlock = "\x01\x00\x00\xff\xff"

// writeGzip joins the compressed fragments to one gzip stream.
func writeGzip(w http.ResponseWriter, parts []*Fragment) {
	size, total := len(gzipHeader)+len(lastBlock)+8, 0
	for _, p := range parts {
		size += len(p.deflated())
	}
	w.Header().Set("Content-Length", strconv.Itoa(size))
	if _, err := w.Write([]byte(gzipHeader)); err != nil {
		return
	}
	sum := uint32(0)
	for _, p := range parts {
		sum = crc32.Update(sum, crc32.IEEETable, p.plain)
		total += len(p.plain)
		if _, err := w.Write(p.deflated()); err != nil {
			return
		}
	}
	end := append(make([]byte, 0, len(lastBlock)+8), lastBlock...)
	end = binary.LittleEndian.AppendUint32(end, sum)
	end = binary.LittleEndian.AppendUint32(end, uint32(total))
	_, _ = w.Write(end)
}

// validCallback keeps strangers from having scripts of their own served in our name.
func validCallback(s string) bool {
	if len(s) > 256 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("_$.[]", c) >= 0:
		default:
			return false
		}
	}
	return true
}

// matches reports whether the client has the document with this tag.
func matches(h http.Header, etag string) bool {
	for _, value := range h["If-None-Match"] {
		for tag := range strings.SplitSeq(value, ",") {
			tag = strings.TrimSpace(tag)
			if tag == "*" || tag == etag || "W/"+tag == etag {
				return true
			}
		}
	}
	return false
}

// acceptsGzip reports whether an Accept-Encoding admits gzip: named, or by *, and not with weight zero.
func acceptsGzip(h http.Header) bool {
	any := false
	for _, value := range h["Accept-Encoding"] {
		for element := range strings.SplitSeq(value, ",") {
			name, parameters, _ := strings.Cut(element, ";")
			weight := strings.ReplaceAll(parameters, " ", "")
			refused := strings.HasPrefix(weight, "q=0") && strings.Trim(weight[len("q=0"):], ".0") == ""
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "gzip", "x-gzip":
				return !refused
			case "*":
				any = !refused
			}
		}
	}
	return any
}
