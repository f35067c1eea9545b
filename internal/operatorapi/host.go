package operatorapi

import "runtime"

// Host is what is known of the machine. Loads and memory are only filled in on Linux.
type Host struct {
	CPUs                   int
	Load1, Load5, Load15   float64
	MemTotal, MemFree      uint64 // bytes
	LoadKnown, MemoryKnown bool
}

// ThisHost looks at the machine now.
func ThisHost() Host {
	h := Host{CPUs: runtime.NumCPU()}
	h.measure()
	return h
}

var (
	hostCPUs   = NewFamily(Gauge, "system/cpus_total", "mesos_system_cpus", "Processors of the machine.")
	hostLoad   = NewFamily(Gauge, "system/load_{minutes}min", "mesos_system_load", "Load average of the machine over some minutes.", "minutes")
	hostMemory = NewFamily(Gauge, "system/mem_{kind}_bytes", "mesos_system_memory_bytes", "Memory of the machine.", "kind")
)

// HostMetrics emits the metrics of the machine.
func HostMetrics(emit Emit) {
	h := ThisHost()
	emit(hostCPUs, float64(h.CPUs))
	if h.LoadKnown {
		emit(hostLoad, h.Load1, "1")
		emit(hostLoad, h.Load5, "5")
		emit(hostLoad, h.Load15, "15")
	}
	if h.MemoryKnown {
		emit(hostMemory, float64(h.MemTotal), "total")
		emit(hostMemory, float64(h.MemFree), "free")
	}
}

// HostStatistics makes the document of /system/stats.json.
func HostStatistics() *Document {
	h := ThisHost()
	var b Builder
	b.Open('{')
	if h.LoadKnown {
		b.DoubleField("avg_load_1min", h.Load1)
		b.DoubleField("avg_load_5min", h.Load5)
		b.DoubleField("avg_load_15min", h.Load15)
	}
	b.IntField("cpus_total", int64(h.CPUs))
	if h.MemoryKnown {
		b.IntField("mem_total_bytes", int64(h.MemTotal))
		b.IntField("mem_free_bytes", int64(h.MemFree))
	}
	b.Close('}')
	return b.Document()
}
