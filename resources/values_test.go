package resources

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestScalarsRoundToThousandths(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 1: "1", 1.5011: "1.501", 1.5015: "1.502", 0.0004: "0", 0.0009: "0.001", 1.2345: "1.235",
		0.1: "0.1", 0.25: "0.25", 1024: "1024", 100: "100", 0.05: "0.05", -1: "-1", -0.5: "-0.5",
		99999999999.9994: "99999999999.999", 999999999999.999: "999999999999.999", 1e12: "1000000000000", 1e15: "1e+15",
	} {
		require.Equal(t, want, ScalarOf(v).String(), "%v", v)
	}
	require.Equal(t, Scalar(0), ScalarOf(math.NaN()))
	require.Equal(t, maxScalar, ScalarOf(math.Inf(1)))
	require.Equal(t, Scalar(math.MinInt64), ScalarOf(math.Inf(-1)))
}

func TestTenTimesATenthIsOne(t *testing.T) {
	tenth := MustParse("cpus:0.1")
	var sum Resources
	for range 10 {
		sum = sum.Add(tenth)
	}
	require.Equal(t, MustParse("cpus:1").String(), sum.String())
	require.Equal(t, 1.0, sum.CPUs())
	for range 10 {
		sum = sum.Sub(tenth)
	}
	require.True(t, sum.IsEmpty())
}

func TestScalarsComeBackAsTheDoublesTheyWere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Scalar(rapid.Int64Range(0, 1e15).Draw(t, "s"))
		require.Equal(t, s, ScalarOf(s.Float()))
		parsed, err := parseScalar(s.String())
		require.NoError(t, err)
		if s < 1e15 {
			require.Equal(t, s, parsed)
		}
	})
}

func TestSumsSaturate(t *testing.T) {
	huge := NewScalar("mem", maxScalar-1).Resources()
	require.Equal(t, maxScalar, huge.Add(huge).Scalar("mem"))
	require.Equal(t, maxScalar, huge.Add(MustParse("mem(r):1")).Scalar("mem"))
	require.Equal(t, maxScalar, huge.Quantities().Add(huge.Quantities()).Get("mem"))
	var sum Accumulator
	sum.Add(huge)
	sum.Add(huge)
	require.Equal(t, maxScalar, sum.Resources().Scalar("mem"))
	require.Equal(t, maxScalar, NewRange("ports", Range{0, math.MaxUint64}).Quantity())
}

func TestRanges(t *testing.T) {
	ports := func(text string) Ranges { return MustParse("ports:" + text).Ports() }
	top := Range{math.MaxUint64 - 1, math.MaxUint64}
	require.Equal(t, "[1-2, 6-10]", ports("[1-10]").Sub(ports("[3-5]")).String())
	require.Equal(t, "[1-6]", ports("[1-3]").Add(ports("[4-6]")).String())
	require.Equal(t, "[1-6, 9-9]", ports("[9-9, 1-3, 2-6]").String())
	require.Equal(t, "[]", Ranges(nil).String())
	require.Equal(t, Ranges{top}, NewRanges(top, Range{math.MaxUint64, math.MaxUint64}), "no overflow at the top")
	require.Equal(t, Ranges{{0, 0}}, NewRanges(Range{0, math.MaxUint64}).Sub(NewRanges(Range{1, math.MaxUint64})))
	require.Equal(t, uint64(math.MaxUint64), NewRanges(Range{0, math.MaxUint64}).Size())
	require.Equal(t, "[5-6, 8-8]", ports("[5-6, 8-20]").Take(3).String())
	require.Equal(t, "[5-6]", ports("[5-6]").Take(3).String())
	require.Equal(t, "[0-1]", NewRanges(Range{0, math.MaxUint64}).Take(2).String())
	require.Empty(t, ports("[5-6]").Take(0))
	require.Empty(t, NewRanges(Range{3, 2}), "inverted ranges hold nothing")
}

// Sixty-four integers fit into a word, whose operators are the model.
func TestRangesAreSetsOfIntegers(t *testing.T) {
	bits := func(list []Range) (w uint64) {
		for _, r := range list {
			for n := r.Begin; n <= r.End; n++ {
				w |= 1 << n
			}
		}
		return w
	}
	rapid.Check(t, func(t *rapid.T) {
		listA, listB := genRangeList(63).Draw(t, "a"), genRangeList(63).Draw(t, "b")
		a, b := NewRanges(listA...), NewRanges(listB...)
		require.Equal(t, bits(listA), bits(a))
		for name, got := range map[string]struct {
			ranges Ranges
			want   uint64
		}{
			"a + b": {a.Add(b), bits(a) | bits(b)},
			"a - b": {a.Sub(b), bits(a) &^ bits(b)},
		} {
			require.True(t, isCanonical(got.ranges), "%s: %s", name, got.ranges)
			require.Equal(t, got.want, bits(got.ranges), "%s: %s, %s", name, a, b)
		}
		require.Equal(t, bits(a)&bits(b) == bits(b), a.Contains(b))
		require.Equal(t, bits(a) == bits(b), a.Equal(b))
		n := rapid.Uint64Range(0, 63).Draw(t, "n")
		require.Equal(t, bits(a)&(1<<n) != 0, a.Has(n))
		taken := a.Take(n)
		require.True(t, a.Contains(taken))
		require.Equal(t, min(n, a.Size()), taken.Size())
	})
}

func TestSets(t *testing.T) {
	ab, bc := NewSet("b", "a", "b"), NewSet("c", "b")
	require.Equal(t, "{a, b}", ab.String())
	require.Equal(t, "{a, b, c}", ab.Add(bc).String())
	require.Equal(t, "{a}", ab.Sub(bc).String())
	require.True(t, ab.Has("a") && !ab.Has("c"))
	require.True(t, ab.Contains(NewSet("b")) && ab.Contains(nil) && !ab.Contains(bc))
	require.True(t, ab.Equal(NewSet("a", "b")) && !ab.Equal(bc))
	require.Equal(t, "{}", ab.Sub(ab).String())
}

func TestQuantities(t *testing.T) {
	parse := func(text string) Quantities {
		q, err := ParseQuantities(text)
		require.NoError(t, err, text)
		return q
	}
	require.Equal(t, "cpus:12; mem:1024; ports:3; x:1", parse("x:1; ports:3;cpus:10;mem:1024;cpus:2;disk:0;").String())
	require.Equal(t, "{}", parse("").String())
	require.Equal(t, "cpus:3; mem:2; ports:11; zones:2",
		MustParse("cpus:1;cpus(r):2;mem:2;ports:[1-10, 20-20];zones:{a, b}").Quantities().String())
	require.Equal(t, "cpus:3", MustParse("cpus:1;cpus(r):2;ports:[1-10]").ScalarQuantities().String())

	for _, bad := range []string{"cpus", "cpus:", ":1", "cpus:-1", "cpus:x", "cpus:NaN", "cpus:1e300"} {
		_, err := ParseQuantities(bad)
		require.ErrorContains(t, err, "bad quantity", bad)
	}

	a, b := parse("cpus:2;x:3;y:1"), parse("cpus:3;x:1;z:1")
	require.Equal(t, "cpus:5; x:4; y:1; z:1", a.Add(b).String())
	require.Equal(t, "x:2; y:1", a.Sub(b).String())
	require.Equal(t, "cpus:2; x:1", a.Min(b).String())
	require.True(t, a.Add(b).Contains(a) && !a.Contains(b) && !a.Contains(parse("z:1")))
	require.True(t, a.Sub(a).IsEmpty() && !a.IsEmpty())
	require.Equal(t, "cpus:2; x:3; y:1", a.String(), "operands are not changed")
}

func TestLimits(t *testing.T) {
	limits, err := ParseLimits("cpus:4;gpus:0")
	require.NoError(t, err)
	quantities := func(text string) Quantities { return MustParse(text).Quantities() }
	require.True(t, limits.Contains(quantities("cpus:4;mem:99999")), "absent means infinite")
	require.False(t, limits.Contains(quantities("gpus:1")), "zero is a limit")
	require.Equal(t, "cpus:0; gpus:0", limits.Sub(quantities("cpus:5;mem:1")).String())
	require.Equal(t, "cpus:4; gpus:0", limits.String())
	require.Equal(t, "{}", Limits{}.String())
	_, err = ParseLimits("cpus:1;cpus:2")
	require.ErrorContains(t, err, "limit of cpus is given twice")
	_, err = NewLimits(Quantity{"cpus", -1})
	require.ErrorContains(t, err, "negative")
}

func TestAmountsAsMessages(t *testing.T) {
	limits, err := ParseLimits("cpus:4;gpus:0")
	require.NoError(t, err)
	back, err := LimitsFromProto(limits.Proto())
	require.NoError(t, err)
	require.True(t, limits.Equal(back))

	q := MustParse("cpus:4;x:1.5").Quantities()
	same, err := QuantitiesFromProto(q.Proto())
	require.NoError(t, err)
	require.True(t, q.Equal(same))

	bad := q.Proto()
	for _, v := range []float64{-1, math.NaN(), math.Inf(1), 1e300} {
		*bad["x"].Value = v
		_, err = QuantitiesFromProto(bad)
		require.ErrorContains(t, err, "amount of x", "%v", v)
	}
}

func TestScalarArithmeticAllocatesNothing(t *testing.T) {
	r := MustParse("cpus:1;gpus:1;mem:128;cpus(r):2;disk(r):10")
	parsedAgain := MustParse(r.Unreserved().String() + ";cpus(r):2;disk(r):10")
	var sum Accumulator
	sum.Add(r)
	sum.Add(r)
	q, total := r.Quantities(), r.Add(r).Quantities()
	require.Zero(t, testing.AllocsPerRun(100, func() {
		sum.Add(r)
		sum.Add(parsedAgain)
		sum.Sub(r)
		sum.Sub(parsedAgain)
		if !sum.Contains(r) || !total.Sub(q).Add(q).Contains(r.Quantities()) {
			t.Error("the sum is not what it was")
		}
	}))
}
