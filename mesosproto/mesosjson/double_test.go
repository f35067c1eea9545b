package mesosjson

import (
	"bufio"
	"math"
	"math/big"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func double(v float64) string { return string(appendDouble(nil, v)) }

// Every double that a Mesos 1.12 master or agent wrote in the captured sessions: timestamps, CPU
// seconds, megabytes. A shortest-digits printer gets sixteen of them wrong.
func TestDoublesAsTheReferenceWroteThem(t *testing.T) {
	f, err := os.Open("testdata/doubles.txt")
	require.NoError(t, err)
	defer f.Close()
	lines, notNearest := 0, 0
	for s := bufio.NewScanner(f); s.Scan(); lines++ {
		v, err := strconv.ParseFloat(s.Text(), 64)
		require.NoError(t, err)
		require.Equal(t, s.Text(), double(v))
		if !strings.HasPrefix(s.Text(), strconv.FormatFloat(v, 'f', -1, 64)) {
			notNearest++
		}
	}
	require.Equal(t, 375, lines)
	require.Equal(t, 16, notNearest)
}

func TestDoubleLayout(t *testing.T) {
	tests := map[float64]string{
		0:                           "0.0",
		math.Copysign(0, -1):        "-0.0",
		1:                           "1.0",
		-2:                          "-2.0",
		0.1:                         "0.1",
		0.25:                        "0.25",
		123456789.5:                 "123456789.5",
		1 << 32:                     "4294967296.0",
		1<<32 - 1:                   "4294967295.0",
		9007199254740993:            "9007199254740992.0",
		1e20:                        "100000000000000000000.0",
		123e18:                      "123000000000000000000.0",
		1e21:                        "1e21",
		1.5e21:                      "1.5e21",
		-1.5e300:                    "-1.5e300",
		0.001234:                    "0.001234",
		0.000001:                    "0.000001",
		0.0000001:                   "1e-7",
		1.25e-7:                     "1.25e-7",
		math.MaxFloat64:             "1.7976931348623157e308",
		math.SmallestNonzeroFloat64: "5e-324",
		0x1p-1022:                   "2.2250738585072014e-308",
	}
	for v, want := range tests {
		require.Equal(t, want, double(v))
	}
}

// The shortcut for whole numbers writes what Grisu2 would.
func TestWholeDoublesTakeAShortcut(t *testing.T) {
	for shift := range 32 {
		for d := range uint32(64) {
			v := float64(1<<shift + d)
			var digits [20]byte
			n, exponent := grisu2(&digits, v)
			require.Equal(t, string(layOut(nil, digits[:n], exponent)), double(v))
		}
	}
}

func TestPowersOfTen(t *testing.T) {
	for i, got := range powersOfTen {
		k := int64(-348 + 8*i)
		power := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(max(k, -k)), nil))
		if k < 0 {
			power.Inv(power)
		}
		f := new(big.Float).SetPrec(64).SetMode(big.ToNearestEven).SetRat(power)
		mantissa := new(big.Float)
		exponent := f.MantExp(mantissa)
		want, accuracy := mantissa.SetMantExp(mantissa, 64).Uint64()
		require.Equal(t, big.Exact, accuracy)
		require.Equal(t, diyFloat{want, exponent - 64}, got, "10^%d", k)
	}
}

func FuzzDoubleReadsBack(f *testing.F) {
	f.Add(uint64(0))
	f.Add(math.Float64bits(1795248359.4378917))
	f.Add(math.Float64bits(0.3))
	f.Add(math.Float64bits(math.SmallestNonzeroFloat64))
	f.Fuzz(func(t *testing.T, bits uint64) {
		v := math.Float64frombits(bits)
		if math.IsNaN(v) || math.IsInf(v, 0) {
			t.Skip()
		}
		s := double(v)
		require.LessOrEqual(t, len(s), 25)
		back, err := strconv.ParseFloat(s, 64)
		require.NoError(t, err)
		require.Equal(t, bits, math.Float64bits(back), s)
	})
}

func BenchmarkAppendDouble(b *testing.B) {
	var dst []byte
	for name, v := range map[string]float64{"whole": 4096, "thousandths": 0.125, "timestamp": 1795248359.4378917} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				dst = appendDouble(dst[:0], v)
			}
		})
	}
}
