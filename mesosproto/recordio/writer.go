package recordio

import (
	"io"
	"strconv"
)

// AppendRecord appends payload as one record to dst and returns the extended slice. It allocates
// only where dst has no room.
func AppendRecord(dst, payload []byte) []byte {
	return append(AppendHeader(dst, len(payload)), payload...)
}

// AppendHeader appends the header of a record whose payload has size bytes; the caller appends the
// payload. A negative size is a bug of the caller and panics.
func AppendHeader(dst []byte, size int) []byte {
	if size < 0 {
		panic("recordio: negative record size " + strconv.Itoa(size))
	}
	return append(strconv.AppendInt(dst, int64(size), 10), '\n')
}

// Writer writes records to a byte stream. Use [NewWriter].
type Writer struct {
	dst io.Writer
	buf []byte
}

// NewWriter returns a Writer to dst.
func NewWriter(dst io.Writer) *Writer { return &Writer{dst: dst} }

// WriteRecord writes payload as one record, header and payload in a single Write, so that an HTTP
// server sends them as one chunk, as the reference's does. It neither keeps payload nor flushes dst.
// After an error the stream is broken in an unknown place: close it.
func (w *Writer) WriteRecord(payload []byte) error {
	w.buf = AppendRecord(w.buf[:0], payload)
	n, err := w.dst.Write(w.buf)
	if err == nil && n < len(w.buf) {
		err = io.ErrShortWrite
	}
	if cap(w.buf) > keepBuffer {
		w.buf = nil
	}
	return err
}
