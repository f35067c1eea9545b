// Package operator serves what operators and their tools read of an agent: the legacy endpoints with the
// names of the v0 API, health, version and metrics.
//
//	api := operator.New(operator.Config{Snapshot: a.Snapshot})
//	api.Mount(mux)
//	http.ListenAndServe(":5051", operatorapi.Routes(mux))
//
//	/health /version /flags /system/stats.json
//	/metrics/snapshot /metrics           the reference's keys; Prometheus' text
//	/state                               503 until the agent has recovered
//	/containers /monitor/statistics      the same; need Config.Usage for statistics
//
// All of them also below the name of the agent's process, /slave(1), and with .json where older clients
// expect that. Any method is answered as GET is.
//
// Reads never enter the agent's loop: they use its published snapshot. An executor is encoded once for as
// long as it does not change.
//
// Goroutines: net/http's. One mutex guards what is kept; it is held while /state is brought up to date,
// never while an answer is written.
//
// Metrics of what the agent does not have are left out, as the reference does: the fetcher's cache, the
// provisioner, garbage collection of sandboxes, resource providers.
//
// Mesos: src/slave/http.cpp, src/slave/metrics.cpp.
package operator
