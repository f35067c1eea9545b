package main

import (
	"bufio"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/mesokit/mesokit/resources"
)

// What is assumed of a machine that does not tell, and how much of what it tells is kept back for the
// system, as the reference does: 1 GB of memory and 5 GB of disk, or half if there is less than twice
// that.
const (
	assumedMem, assumedDisk = 1024, 10240 // MB
	keptMem, keptDisk       = 1024, 5120
)

// present is what this machine has of the resources that nobody has mentioned, reserved to role.
func present(workDir, role string, mentioned []string) resources.Resources {
	var list []resources.Resource
	add := func(name string, r resources.Resource) {
		if slices.Contains(mentioned, name) {
			return
		}
		if role != resources.AnyRole {
			r = r.Reserved(resources.Reservation{Type: resources.Static, Role: role})
		}
		list = append(list, r)
	}
	add("cpus", resources.NewScalar("cpus", resources.ScalarOf(float64(runtime.NumCPU()))))
	add("mem", resources.NewScalar("mem", resources.ScalarOf(float64(keep(memory(), keptMem, assumedMem)))))
	add("disk", resources.NewScalar("disk", resources.ScalarOf(float64(keep(disk(workDir), keptDisk, assumedDisk)))))
	add("ports", resources.NewRange("ports", resources.Range{Begin: 31000, End: 32000}))
	return resources.New(list...)
}

// keep is what is left of total when some is kept back; assumed if total is unknown.
func keep(total, kept, assumed uint64) uint64 {
	switch {
	case total == 0:
		return assumed
	case total >= 2*kept:
		return total - kept
	}
	return total / 2
}

// memory is this machine's, in MB; 0 if it does not tell.
func memory() uint64 {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if rest, ok := strings.CutPrefix(s.Text(), "MemTotal:"); ok {
			kb, _ := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kb / 1024
		}
	}
	return 0
}

// disk is the size of the file system of dir, in MB; 0 if it does not tell. dir exists.
func disk(dir string) uint64 {
	var s syscall.Statfs_t
	if os.MkdirAll(dir, 0o755) != nil || syscall.Statfs(dir, &s) != nil {
		return 0
	}
	return s.Blocks * uint64(s.Bsize) >> 20
}
