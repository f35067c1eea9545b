package master

import (
	"encoding/binary"
	"net"
	"strconv"
	"time"
)

func joinHostPort(host string, port uint32) string {
	return net.JoinHostPort(host, strconv.FormatUint(uint64(port), 10))
}

func putUint64(b []byte, n uint64) { binary.BigEndian.PutUint64(b, n) }

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
