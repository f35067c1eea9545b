package resources

import (
	"fmt"
	"math"
	"strconv"
)

// Scalar is an amount in thousandths of a unit: cpus, megabytes of mem and disk, gpus.
//
// Mesos keeps scalars as doubles but does all arithmetic with three decimals; a Scalar is that fixed
// point, so ten times 0.1 is exactly 1. Sums saturate at the largest Scalar instead of wrapping.
//
// Mesos: src/common/values.cpp, convertToFixed and convertToFloating.
type Scalar int64

// Unit is one whole unit: 1 cpu, 1 MB.
const Unit Scalar = 1000

const maxScalar = Scalar(math.MaxInt64)

// ScalarOf rounds v units to thousandths, half away from zero. NaN becomes 0 and what is out of range
// the nearest Scalar; data from outside goes through [FromProto] or [Parse], which refuse those.
func ScalarOf(v float64) Scalar {
	fixed := math.Round(v * 1000)
	switch {
	case math.IsNaN(fixed):
		return 0
	case fixed >= math.MaxInt64:
		return maxScalar
	case fixed <= math.MinInt64:
		return math.MinInt64
	}
	return Scalar(fixed)
}

// checkedScalar is ScalarOf for data from outside.
func checkedScalar(v float64) (Scalar, error) {
	if math.IsNaN(v) || math.IsInf(v, 0) || math.Abs(v*1000) >= math.MaxInt64 {
		return 0, fmt.Errorf("value %v is not a number below 9.2e15", v)
	}
	return ScalarOf(v), nil
}

// Float returns s in units, as Mesos writes it to messages.
func (s Scalar) Float() float64 {
	return float64(s/1000) + float64(s%1000)/1000
}

// String prints units with at most three decimals and no trailing zeros, such as "0.5" or "1024".
// From 10^12 on, 15 significant digits are printed, as the reference does.
func (s Scalar) String() string {
	return string(s.append(nil))
}

func (s Scalar) append(dst []byte) []byte {
	if s < 0 || s >= 1e15 {
		return strconv.AppendFloat(dst, s.Float(), 'g', 15, 64)
	}
	dst = strconv.AppendInt(dst, int64(s/1000), 10)
	frac := int(s % 1000)
	if frac == 0 {
		return dst
	}
	dst = append(dst, '.', byte('0'+frac/100), byte('0'+frac/10%10), byte('0'+frac%10))
	for dst[len(dst)-1] == '0' {
		dst = dst[:len(dst)-1]
	}
	return dst
}

// plus adds two amounts that are not negative, saturating.
func (s Scalar) plus(x Scalar) Scalar {
	if sum := s + x; sum >= 0 {
		return sum
	}
	return maxScalar
}
