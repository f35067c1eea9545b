package recordio

import (
	"io"
)

// readSize is how much a Reader asks its source for at once.
const readSize = 32 << 10

// maxEmptyReads is after how many reads of nothing a Reader gives up with io.ErrNoProgress.
const maxEmptyReads = 100

// Reader takes records from a byte stream. Use [NewReader].
type Reader struct {
	src     io.Reader
	dec     *Decoder
	chunk   []byte
	pending []byte // what was read and not yet decoded; a part of chunk
	err     error  // of src, reported when pending is used up
}

// NewReader returns a Reader of the records of src. It reads ahead, so src should not be read by
// anybody else, but never waits for more than the record that [Reader.Next] is to return.
func NewReader(src io.Reader, cfg Config) *Reader {
	return &Reader{src: src, dec: NewDecoder(cfg)}
}

// Next returns the payload of the next record. It waits only while src does, and returns a record
// as soon as its last byte has arrived.
//
// The payload is valid until the following call of Next, which overwrites it; copy it to keep it.
// It is empty, not nil, for a record of length zero.
//
// Errors: [io.EOF] at the end of src between two records, [io.ErrUnexpectedEOF] within one,
// [ErrHeader], [ErrTooLarge], [io.ErrNoProgress], or src's own error. They repeat on later calls.
func (r *Reader) Next() ([]byte, error) {
	for {
		if len(r.pending) > 0 {
			record, rest, err := r.dec.Next(r.pending)
			r.pending = rest
			if err != nil {
				r.pending, r.err = nil, err
				return nil, err
			}
			if record != nil {
				return record, nil
			}
		}
		if r.err != nil {
			if r.err == io.EOF {
				if err := r.dec.Close(); err != nil {
					r.err = err
				}
			}
			return nil, r.err
		}
		r.fill()
	}
}

// fill reads the next piece of src into pending; r.err says how it ended if it did.
func (r *Reader) fill() {
	if r.chunk == nil {
		r.chunk = make([]byte, readSize)
	}
	for range maxEmptyReads {
		n, err := r.src.Read(r.chunk)
		r.pending, r.err = r.chunk[:n], err
		if n > 0 || err != nil {
			return
		}
	}
	r.err = io.ErrNoProgress
}
