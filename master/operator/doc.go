// Package operator serves what operators and their tools read of a master: the legacy endpoints with
// the names of the v0 API, health, version and metrics.
//
//	api := operator.New(operator.Config{Snapshot: m.Snapshot})
//	api.Mount(mux)
//	http.ListenAndServe(":5050", operatorapi.Routes(mux))
//
//	/health /version /flags /system/stats.json     any master
//	/metrics/snapshot /metrics                     any master: the reference's keys; Prometheus' text
//	/redirect                                      to the leading master
//	/state /state-summary /slaves /frameworks /tasks /roles    the leading master; others redirect
//
// All of them also below /master, and with .json where older clients expect that. Any method is answered
// as GET is.
//
// Reads never enter the master's loop: they use its published snapshot. What is encoded is kept for as
// long as the snapshot has the page or record that it came from, so that an answer costs what copying it
// costs, and a poll that finds nothing new (ETag) next to nothing. A view that nobody has asked for in
// the last minutes is let go.
//
// Goroutines: net/http's. One mutex guards what is kept; it is held while a view is brought up to
// date, never while an answer is written.
//
// Not counted by the master yet, so always 0: operations by type. Timers are left out, as the reference
// does before their first sample.
//
// Mesos: src/master/http.cpp, src/master/readonly_handler.cpp, src/master/metrics.cpp.
package operator
