package operatorapi

import (
	"encoding/binary"
	"hash/maphash"
	"strconv"
)

// Document is a JSON text made of fragments. It is immutable.
type Document struct {
	parts []*Fragment
	size  int
	etag  string
}

// ETag tells documents apart: equal texts made of equal fragments have equal tags, within a process.
func (d *Document) ETag() string { return d.etag }

// Size is the length of the text.
func (d *Document) Size() int { return d.size }

// Append appends the text.
func (d *Document) Append(dst []byte) []byte {
	for _, p := range d.parts {
		dst = append(dst, p.plain...)
	}
	return dst
}

func newDocument(parts []*Fragment) *Document {
	d := &Document{parts: parts}
	var h maphash.Hash
	h.SetSeed(seed)
	var b [8]byte
	for _, p := range parts {
		d.size += len(p.plain)
		binary.LittleEndian.PutUint64(b[:], p.hash)
		_, _ = h.Write(b[:])
	}
	d.etag = `W/"` + strconv.FormatUint(h.Sum64(), 16) + `"`
	return d
}

// Builder puts a document together: what is written to its JSON, and fragments in between.
type Builder struct {
	JSON
	parts []*Fragment
}

// Insert inserts fragments, which are elements of an array, separated by commas, each or together. Empty ones
// are left out.
func (b *Builder) Insert(list ...*Fragment) {
	for _, f := range list {
		if len(f.plain) == 0 {
			continue
		}
		b.Element()
		if string(b.b) == "," {
			b.b = b.b[:0]
			b.parts = append(b.parts, comma)
		}
		b.join(f)
	}
}

// comma is between fragments that follow one another.
var comma = NewFragment([]byte(","))

// InsertRaw inserts fragments as they are.
func (b *Builder) InsertRaw(list ...*Fragment) {
	for _, f := range list {
		if len(f.plain) > 0 {
			b.join(f)
		}
	}
}

func (b *Builder) join(f *Fragment) {
	b.cut()
	b.parts = append(b.parts, f)
	b.last = f.plain[len(f.plain)-1]
}

// cut ends the text written so far.
func (b *Builder) cut() {
	if len(b.b) > 0 {
		b.last = b.b[len(b.b)-1]
		b.parts = append(b.parts, NewFragment(b.b))
		b.b = nil
	}
}

// Parts returns what was put together, as fragments.
func (b *Builder) Parts() []*Fragment {
	b.cut()
	return b.parts
}

// Document ends the building.
func (b *Builder) Document() *Document { return newDocument(b.Parts()) }
