package docker

import "golang.org/x/sys/unix"

// hostMemory is in bytes; 0 if nobody knows.
func hostMemory() int64 {
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) != nil {
		return 0
	}
	return int64(info.Totalram) * int64(info.Unit)
}
