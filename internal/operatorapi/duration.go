package operatorapi

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

var durationUnits = []struct {
	name string
	unit time.Duration
}{
	{"ns", time.Nanosecond}, {"us", time.Microsecond}, {"ms", time.Millisecond}, {"secs", time.Second},
	{"mins", time.Minute}, {"hrs", time.Hour}, {"days", 24 * time.Hour}, {"weeks", 7 * 24 * time.Hour},
}

// ParseDuration reads a duration as flags and queries of the reference have them: "10secs", "1.5hrs".
//
// Mesos: 3rdparty/stout/include/stout/duration.hpp, Duration::parse.
func ParseDuration(text string) (time.Duration, error) {
	number := strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyz")
	for _, u := range durationUnits {
		if text[len(number):] != u.name {
			continue
		}
		n, err := strconv.ParseFloat(number, 64)
		ns := n * float64(u.unit)
		if err != nil || ns != ns || ns >= 1<<63 || ns < -1<<63 {
			break
		}
		return time.Duration(ns), nil
	}
	return 0, fmt.Errorf("expecting a number and one of ns, us, ms, secs, mins, hrs, days, weeks")
}
