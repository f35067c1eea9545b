package master

import (
	"strconv"
	"time"
)

// durationText prints a duration as the reference does: in the largest unit that it reaches, for
// example 10mins or 1.5hrs.
func durationText(d time.Duration) string {
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{
		{7 * 24 * time.Hour, "weeks"},
		{24 * time.Hour, "days"},
		{time.Hour, "hrs"},
		{time.Minute, "mins"},
		{time.Second, "secs"},
		{time.Millisecond, "ms"},
		{time.Microsecond, "us"},
	} {
		if d >= unit.length || d <= -unit.length {
			return strconv.FormatFloat(float64(d)/float64(unit.length), 'g', 15, 64) + unit.name
		}
	}
	return strconv.FormatInt(int64(d), 10) + "ns"
}
