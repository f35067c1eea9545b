package operatorapi

import (
	"bytes"
	"compress/flate"
	"hash/maphash"
	"sync"
)

// Fragment is a piece of a document: immutable bytes, compressed at most once.
type Fragment struct {
	plain  []byte
	hash   uint64
	pack   sync.Once
	packed []byte
}

var seed = maphash.MakeSeed()

// NewFragment makes a fragment of text, which must not change any more.
func NewFragment(text []byte) *Fragment {
	return &Fragment{plain: text, hash: maphash.Bytes(seed, text)}
}

// Bytes is the text. Don't change it.
func (f *Fragment) Bytes() []byte { return f.plain }

var compressors = sync.Pool{New: func() any {
	w, err := flate.NewWriter(nil, flate.BestSpeed)
	if err != nil {
		panic(err) // the level is a constant
	}
	return w
}}

// deflated is the text as a sequence of deflate blocks that end at a byte boundary and refer to nothing
// before them, so that such sequences can be joined.
func (f *Fragment) deflated() []byte {
	f.pack.Do(func() {
		var b bytes.Buffer
		w := compressors.Get().(*flate.Writer)
		defer compressors.Put(w)
		w.Reset(&b)
		_, _ = w.Write(f.plain) // a bytes.Buffer takes everything
		_ = w.Flush()
		f.packed = bytes.Clone(b.Bytes())
	})
	return f.packed
}

// Cache keeps the fragments of one generation of keys, such as the pages of a snapshot. What the next
// generation does not ask for is forgotten. The zero Cache is empty.
type Cache[K comparable] struct {
	before, now map[K]*Fragment
}

// Turn begins a generation.
func (c *Cache[K]) Turn() {
	c.before, c.now = c.now, make(map[K]*Fragment, len(c.now))
}

// Get returns the fragment of key, made anew if the last generation had none.
func (c *Cache[K]) Get(key K, encode func(*JSON)) *Fragment {
	if f := c.now[key]; f != nil {
		return f
	}
	f := c.before[key]
	if f == nil {
		f = Encode(encode)
	}
	if c.now == nil {
		c.now = make(map[K]*Fragment)
	}
	c.now[key] = f
	return f
}

// Encode makes a fragment of what encode writes.
func Encode(encode func(*JSON)) *Fragment {
	scratch := buffers.Get().(*JSON)
	defer buffers.Put(scratch)
	scratch.b = scratch.b[:0]
	encode(scratch)
	return NewFragment(bytes.Clone(scratch.b))
}

var buffers = sync.Pool{New: func() any { return new(JSON) }}
