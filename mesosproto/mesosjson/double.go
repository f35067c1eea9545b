package mesosjson

import (
	"math"
	"math/bits"
	"strconv"
)

// AppendDouble appends a finite v as [Marshal] writes doubles: for documents that are not messages.
func AppendDouble(dst []byte, v float64) []byte { return appendDouble(dst, v) }

// appendDouble appends a finite v the way the reference does: the digits of Grisu2, at least one
// decimal ("2.0"), no exponent from 1e-6 up to, not including, 1e21.
//
// Grisu2 yields digits that read back as v and nearly always the fewest, but among those not always
// the nearest to v: the reference writes 1795248359.4378918 where strconv writes …917. Go has no such
// printer, and the bytes are to be the same, hence this one.
//
// Source: Florian Loitsch, Printing Floating-Point Numbers Quickly and Accurately with Integers,
// 2010; behaviour of rapidjson 1.1.0, which Mesos' 3rdparty/stout/include/stout/jsonify.hpp uses.
func appendDouble(dst []byte, v float64) []byte {
	if math.Signbit(v) {
		dst = append(dst, '-')
		v = -v
	}
	if v < 1<<32 {
		// The most frequent values: counts, megabytes, seconds.
		if n := uint32(v); float64(n) == v {
			dst = strconv.AppendUint(dst, uint64(n), 10)
			return append(dst, '.', '0')
		}
	}
	var digits [20]byte
	n, exponent := grisu2(&digits, v)
	return layOut(dst, digits[:n], exponent)
}

// layOut appends digits·10^exponent.
func layOut(dst, digits []byte, exponent int) []byte {
	point := len(digits) + exponent // 10^(point-1) <= v < 10^point
	switch {
	case exponent >= 0 && point <= 21: // 1234e7 -> 12340000000.0
		dst = append(dst, digits...)
		for range exponent {
			dst = append(dst, '0')
		}
		return append(dst, '.', '0')
	case 0 < point && point <= 21: // 1234e-2 -> 12.34
		dst = append(dst, digits[:point]...)
		dst = append(dst, '.')
		return append(dst, digits[point:]...)
	case -6 < point && point <= 0: // 1234e-6 -> 0.001234
		dst = append(dst, '0', '.')
		for range -point {
			dst = append(dst, '0')
		}
		return append(dst, digits...)
	}
	dst = append(dst, digits[0])
	if len(digits) > 1 {
		dst = append(dst, '.')
		dst = append(dst, digits[1:]...)
	}
	dst = append(dst, 'e') // 1234e30 -> 1.234e33
	return strconv.AppendInt(dst, int64(point-1), 10)
}

// diyFloat is f·2^e without a hidden bit.
type diyFloat struct {
	f uint64
	e int
}

func (x diyFloat) times(y diyFloat) diyFloat {
	hi, lo := bits.Mul64(x.f, y.f)
	return diyFloat{hi + lo>>63, x.e + y.e + 64} // rounded
}

func (x diyFloat) normalize() diyFloat {
	shift := bits.LeadingZeros64(x.f)
	return diyFloat{x.f << shift, x.e - shift}
}

const (
	hiddenBit    = 1 << 52
	exponentBias = 1023 + 52
)

// boundaries returns v and the middles between v and its neighbours, upper and lower, all of them
// with the exponent of the normalized upper one but v, which is normalized itself.
func boundaries(v float64) (w, upper, lower diyFloat) {
	b := math.Float64bits(v)
	f, e := b&(hiddenBit-1), int(b>>52)
	if e != 0 {
		f, e = f+hiddenBit, e-exponentBias
	} else {
		e = 1 - exponentBias
	}
	upper = diyFloat{f<<1 + 1, e - 1}.normalize()
	lower = diyFloat{f<<1 - 1, e - 1}
	if f == hiddenBit { // the lower neighbour is half as far away
		lower = diyFloat{f<<2 - 1, e - 2}
	}
	lower = diyFloat{lower.f << (lower.e - upper.e), upper.e}
	return diyFloat{f, e}.normalize(), upper, lower
}

// grisu2 writes the decimal digits of a positive v: v is about digits·10^exponent.
func grisu2(digits *[20]byte, v float64) (n, exponent int) {
	w, upper, lower := boundaries(v)
	power, k := cachedPower(upper.e)
	w, upper, lower = w.times(power), upper.times(power), lower.times(power)
	lower.f++
	upper.f--
	n, shift := generate(digits, w, upper, upper.f-lower.f)
	return n, k + shift
}

// cachedPower returns a power of ten c and its negated decimal exponent, such that a number with
// binary exponent e times c has a binary exponent in [-60, -32].
func cachedPower(e int) (c diyFloat, k int) {
	const log10of2 = 0.30102999566398114
	index := int(math.Ceil(float64(-61-e)*log10of2+347))>>3 + 1
	return powersOfTen[index], 348 - index<<3
}

// generate writes the digits of upper until what is left is less than delta, then lowers the last
// digit towards w. It returns how many digits it wrote and their decimal exponent.
func generate(digits *[20]byte, w, upper diyFloat, delta uint64) (n, exponent int) {
	shift := -upper.e
	one := uint64(1) << shift
	distance := upper.f - w.f
	whole, fraction := uint32(upper.f>>shift), upper.f&(one-1)

	for kappa := min(countDigits(whole), 9); kappa > 0; {
		kappa--
		d := whole / uint32(tens[kappa])
		whole %= uint32(tens[kappa])
		if d != 0 || n != 0 {
			digits[n] = byte('0' + d)
			n++
		}
		if rest := uint64(whole)<<shift + fraction; rest <= delta {
			approach(&digits[n-1], delta, rest, tens[kappa]<<shift, distance)
			return n, kappa
		}
	}
	for kappa := -1; ; kappa-- {
		fraction *= 10
		delta *= 10
		if d := fraction >> shift; d != 0 || n != 0 {
			digits[n] = byte('0' + d)
			n++
		}
		fraction &= one - 1
		if fraction < delta {
			// The reference's table of powers ends here: from the ninth decimal on it does not
			// approach v any more. This is why its digits are not always the nearest.
			var scaled uint64
			if -kappa < 9 {
				scaled = distance * tens[-kappa]
			}
			approach(&digits[n-1], delta, fraction, one, scaled)
			return n, kappa
		}
	}
}

// approach lowers the last digit while that brings the number closer to the one asked for.
func approach(last *byte, delta, rest, unit, distance uint64) {
	for rest < distance && delta-rest >= unit &&
		(rest+unit < distance || distance-rest > rest+unit-distance) {
		*last--
		rest += unit
	}
}

var tens = [...]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9}

func countDigits(v uint32) int {
	n := 1
	for n < len(tens) && uint64(v) >= tens[n] {
		n++
	}
	return n
}
