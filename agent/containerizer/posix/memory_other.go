//go:build unix && !linux

package posix

// hostMemory is not known here.
func hostMemory() uint64 { return 0 }
