package recordio_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/mesokit/mesokit/mesosproto/recordio"
)

func stream(size, count int) []byte {
	var b []byte
	payload := bytes.Repeat([]byte("x"), size)
	for range count {
		b = recordio.AppendRecord(b, payload)
	}
	return b
}

var sizes = []int{20, 900, 90_000}

func BenchmarkDecoder(b *testing.B) {
	for _, size := range sizes {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			const chunk = 32 << 10
			s := stream(size, 100)
			b.SetBytes(int64(len(s)))
			b.ReportAllocs()
			d := recordio.NewDecoder(recordio.Config{})
			for b.Loop() {
				n := 0
				for rest := s; len(rest) > 0; {
					k := min(chunk, len(rest))
					if err := d.Feed(rest[:k], func([]byte) error { n++; return nil }); err != nil {
						b.Fatal(err)
					}
					rest = rest[k:]
				}
				if n != 100 {
					b.Fatal(n)
				}
			}
		})
	}
}

func BenchmarkReader(b *testing.B) {
	for _, size := range sizes {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			s := stream(size, 100)
			b.SetBytes(int64(len(s)))
			b.ReportAllocs()
			for b.Loop() {
				r := recordio.NewReader(bytes.NewReader(s), recordio.Config{})
				for range 100 {
					if _, err := r.Next(); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

func BenchmarkAppendRecord(b *testing.B) {
	for _, size := range sizes {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			payload := bytes.Repeat([]byte("x"), size)
			var dst []byte
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				dst = recordio.AppendRecord(dst[:0], payload)
			}
		})
	}
}
