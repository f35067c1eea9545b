package operatorapi

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// measure reads what the kernel tells; the reference asks sysinfo(2), whose free memory is MemFree too.
func (h *Host) measure() {
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		n, _ := fmt.Sscan(string(text), &h.Load1, &h.Load5, &h.Load15)
		h.LoadKnown = n == 3
	}
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return
	}
	found := 0
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		n, err := strconv.ParseUint(fields[1], 10, 54)
		switch {
		case err != nil:
		case fields[0] == "MemTotal:":
			h.MemTotal = n << 10
			found++
		case fields[0] == "MemFree:":
			h.MemFree = n << 10
			found++
		}
	}
	h.MemoryKnown = found == 2
}
