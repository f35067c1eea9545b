package evolve

import (
	"fmt"
	"math"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/mesokit/mesokit/mesosproto"
)

// DurationInfo converts the grace period of a v1 DrainAgent call into the type that v0 and
// DrainConfig use. A nil d gives nil.
//
// Errors: d is no valid duration, or more nanoseconds than int64 holds (292 years).
func DurationInfo(d *durationpb.Duration) (*mesosproto.DurationInfo, error) {
	if d == nil {
		return nil, nil
	}
	if err := d.CheckValid(); err != nil {
		return nil, fmt.Errorf("duration of %d s and %d ns: %w", d.GetSeconds(), d.GetNanos(), err)
	}
	// AsDuration stops at the ends of int64; the longest that fits exactly is refused with them.
	ns := int64(d.AsDuration())
	if ns == math.MaxInt64 || ns == math.MinInt64 {
		return nil, fmt.Errorf("duration of %d s is out of range, at most %d s fit",
			d.GetSeconds(), int64(math.MaxInt64/time.Second))
	}
	return &mesosproto.DurationInfo{Nanoseconds: proto.Int64(ns)}, nil
}

// Duration converts the other way. A nil info gives nil.
func Duration(info *mesosproto.DurationInfo) *durationpb.Duration {
	if info == nil {
		return nil
	}
	return durationpb.New(time.Duration(info.GetNanoseconds()))
}
