package recordio

import (
	"errors"
	"fmt"
	"io"
)

// DefaultMaxRecordSize is the largest payload accepted when [Config] names none: 64 MiB. An OFFERS
// event for 10,000 agents takes about 10 MiB in JSON.
const DefaultMaxRecordSize = 64 << 20

const (
	// maxHeaderDigits bounds the header: 2^64 has 20 digits, and padding with zeros ends there too.
	maxHeaderDigits = 20

	// keepBuffer is the most memory that a Reader, Decoder or Writer keeps between two records.
	keepBuffer = 1 << 20
)

var (
	// ErrHeader is returned (wrapped, with the offending byte) when a record does not begin with 1 to
	// 20 decimal digits and a line feed.
	ErrHeader = errors.New("malformed RecordIO header")

	// ErrTooLarge is returned (wrapped, with the limit) when a header announces a longer record than
	// the Config allows. Nothing has been allocated for that record.
	ErrTooLarge = errors.New("RecordIO record too large")
)

// Config bounds what a [Reader] or [Decoder] accepts. The zero value is ready for use.
type Config struct {
	// MaxRecordSize is the largest accepted payload in bytes. Zero or negative: DefaultMaxRecordSize.
	MaxRecordSize int
}

func (c Config) limit() int {
	if c.MaxRecordSize <= 0 {
		return DefaultMaxRecordSize
	}
	return c.MaxRecordSize
}

// Decoder cuts records out of bytes that arrive in pieces of any size. It is the framing itself: it
// does no I/O, and keeps only the record that is still incomplete. Use [NewDecoder].
type Decoder struct {
	max    int
	size   int    // of the current record, as far as its header has been read
	digits int    // of that header
	inBody bool   // the header is complete
	buf    []byte // the part of the payload that earlier calls brought
	used   bool   // buf was handed out and may be overwritten
	err    error
}

// NewDecoder returns a Decoder at the beginning of a stream.
func NewDecoder(cfg Config) *Decoder { return &Decoder{max: cfg.limit()} }

// Next consumes p up to the end of the first record that it completes. It returns that record's
// payload and the rest of p, which the caller passes to the following call. A nil record without
// error means that all of p was consumed and more bytes are needed; an empty payload is not nil.
//
// The payload is a part of p where p holds all of it, and otherwise the Decoder's own buffer: it is
// valid until p is overwritten or Next is called again, whichever comes first. Copy it to keep it.
//
// Errors: [ErrHeader], [ErrTooLarge]; they repeat on every later call.
func (d *Decoder) Next(p []byte) (record, rest []byte, err error) {
	if d.err != nil {
		return nil, p, d.err
	}
	d.recycle()
	if !d.inBody {
		p, d.err = d.header(p)
		if d.err != nil || !d.inBody {
			return nil, p, d.err
		}
	}
	missing := d.size - len(d.buf)
	if len(p) < missing {
		// append grows by the bytes at hand, never by the announced length.
		d.buf = append(d.buf, p...)
		return nil, nil, nil
	}
	if len(d.buf) == 0 {
		record = p[:missing:missing]
	} else {
		d.buf = append(d.buf, p[:missing]...)
		record, d.used = d.buf, true
	}
	d.size, d.digits, d.inBody = 0, 0, false
	return record, p[missing:], nil
}

// Feed calls each with the payload of every record that p completes, in order. The payload is valid
// only during the call. An error of each stops the Decoder for good and is returned as it is.
func (d *Decoder) Feed(p []byte, each func(record []byte) error) error {
	for len(p) > 0 {
		record, rest, err := d.Next(p)
		if err != nil {
			return err
		}
		if record != nil {
			if d.err = each(record); d.err != nil {
				return d.err
			}
		}
		p = rest
	}
	return d.err
}

// Close says whether the stream may end here: nil between two records, [io.ErrUnexpectedEOF] within
// a header or payload, or the error that stopped the Decoder earlier.
func (d *Decoder) Close() error {
	if d.err == nil && (d.digits > 0 || d.inBody) {
		return io.ErrUnexpectedEOF
	}
	return d.err
}

// header reads as much of the header as p has and returns what follows it.
func (d *Decoder) header(p []byte) ([]byte, error) {
	for i, c := range p {
		switch {
		case '0' <= c && c <= '9':
			if d.digits++; d.digits > maxHeaderDigits {
				return p[i:], fmt.Errorf("%w: more than %d digits", ErrHeader, maxHeaderDigits)
			}
			// Written so that it can't overflow: size is at most max before each step.
			digit := int(c - '0')
			if d.size > (d.max-digit)/10 || digit > d.max {
				return p[i:], fmt.Errorf("%w: more than the limit of %d bytes announced", ErrTooLarge, d.max)
			}
			d.size = d.size*10 + digit
		case c == '\n' && d.digits > 0:
			d.inBody = true
			return p[i+1:], nil
		default:
			return p[i:], fmt.Errorf("%w: byte %q after %d digits, expecting decimal digits and a line feed",
				ErrHeader, c, d.digits)
		}
	}
	return nil, nil
}

// recycle empties the buffer after its record was handed out; an unusually large one goes.
func (d *Decoder) recycle() {
	if !d.used {
		return
	}
	d.used = false
	d.buf = d.buf[:0]
	if cap(d.buf) > keepBuffer {
		d.buf = nil
	}
}
