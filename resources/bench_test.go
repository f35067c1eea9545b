package resources

import (
	"fmt"
	"testing"
)

// One operation is 50,000 additions and 50,000 subtractions, as in the reference's own benchmark.
const arithmeticOps = 50_000

func BenchmarkAccumulatorScalars(b *testing.B) {
	r := MustParse("cpus:1;gpus:1;mem:128;disk:256")
	b.ReportAllocs()
	var sum Accumulator
	sum.Add(MustParse("cpus:1;gpus:1;mem:1;disk:1"))
	for b.Loop() {
		for range arithmeticOps {
			sum.Add(r)
		}
		for range arithmeticOps {
			sum.Sub(r)
		}
	}
	perEntry(b, 2*arithmeticOps*r.Len())
}

// Two offers of one task each: the identities are equal but not the same pointers.
func BenchmarkAccumulatorReservedScalars(b *testing.B) {
	text := "cpus(eng/db):1;gpus(eng/db):1;mem(eng/db):128;disk(eng/db):256"
	r, start := MustParse(text), MustParse(text)
	b.ReportAllocs()
	var sum Accumulator
	sum.Add(start)
	for b.Loop() {
		for range arithmeticOps {
			sum.Add(r)
		}
		for range arithmeticOps {
			sum.Sub(r)
		}
	}
	perEntry(b, 2*arithmeticOps*r.Len())
}

func BenchmarkResourcesScalars(b *testing.B) {
	r := MustParse("cpus:1;gpus:1;mem:128;disk:256")
	b.ReportAllocs()
	for b.Loop() {
		sum := r
		for range arithmeticOps {
			sum = sum.Add(r)
		}
		for range arithmeticOps {
			sum = sum.Sub(r)
		}
	}
	perEntry(b, 2*arithmeticOps*r.Len())
}

func BenchmarkQuantities(b *testing.B) {
	q := MustParse("cpus:1;gpus:1;mem:128;disk:256;ports:[1-10]").Quantities()
	b.ReportAllocs()
	var sum Quantities
	for b.Loop() {
		for range arithmeticOps {
			sum = sum.Add(q)
		}
		for range arithmeticOps {
			sum = sum.Sub(q)
		}
	}
	perEntry(b, 2*arithmeticOps*5)
}

func BenchmarkSharedVolume(b *testing.B) {
	volume := NewScalar("disk", 256*Unit).Reserved(Reservation{Type: Dynamic, Role: "r"}).
		WithDisk(&DiskInfo{Persistence: &Persistence{ID: "id"}, Volume: &Volume{ContainerPath: "p"}}).AsShared(1).Resources()
	b.ReportAllocs()
	var sum Accumulator
	sum.Add(volume)
	for b.Loop() {
		for range arithmeticOps {
			sum.Add(volume)
		}
		for range arithmeticOps {
			sum.Sub(volume)
		}
	}
	perEntry(b, 2*arithmeticOps)
}

func BenchmarkUniqueReservations(b *testing.B) {
	var all []Resource
	for i := range 4_000 {
		all = append(all, NewScalar("cpus", Unit).Reserved(Reservation{
			Type: Dynamic, Role: "r", Labels: []Label{{Key: "k", Value: fmt.Sprint(i)}}}))
	}
	r := New(all...)
	b.Run("whole", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if r.Add(r).Sub(r).Len() != r.Len() {
				b.Fatal("r + r - r is not r")
			}
		}
	})
	b.Run("one by one", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var sum Accumulator
			for _, e := range all {
				sum.Add(e.Resources())
			}
		}
	})
}

func BenchmarkRanges(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		for name, shift := range map[string]uint64{"overlapping": 2, "adjacent": 5, "disjoint": 7} {
			var x, y Ranges
			for i := range uint64(n) {
				x = append(x, Range{i * 20, i*20 + 4})
				y = append(y, Range{i*20 + shift, i*20 + shift + 4})
			}
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					x.Add(y).Sub(y)
				}
				perEntry(b, 2*n)
			})
		}
	}
}

func BenchmarkContains(b *testing.B) {
	var fragments []Range
	for i := range uint64(8_000) {
		fragments = append(fragments, Range{i * 4, i*4 + 1})
	}
	r := MustParse("cpus:24;mem:4096;disk:4096;cpus(r):1;mem(r):128;disk(r):10;zones:{a, b};gpus:1").
		Add(NewRange("ports", fragments...).Resources())
	x, err := FromProto(r.Proto())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if !r.Contains(x) {
			b.Fatal("does not contain itself")
		}
	}
}

func BenchmarkFilter(b *testing.B) {
	r := MustParse("cpus:24;mem:4096;disk:4096;cpus(r):1;mem(r):128;disk(r):10;ports:[31000-32000]")
	b.ReportAllocs()
	for b.Loop() {
		r.AllocatableTo("r/sub")
		r.Unreserved()
		r.NonRevocable()
	}
}

func BenchmarkOffer(b *testing.B) {
	r := MustParse("cpus:24;mem:4096;disk:4096;ports:[31000-32000]")
	b.Run("allocate", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r.Allocate("role")
		}
	})
	offered := r.Allocate("role")
	b.Run("to messages", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			offered.Proto()
		}
	})
	messages := offered.Proto()
	b.Run("from messages", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := FromProto(messages); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	text := ""
	for i := range 100 {
		text += fmt.Sprintf("name%d(role%d):%d;", i, i%7, i+1)
	}
	b.ReportAllocs()
	for b.Loop() {
		MustParse(text)
	}
}

// perEntry reports the time for one entry, or one range, of the n that an iteration handles.
func perEntry(b *testing.B, n int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/entry")
}
