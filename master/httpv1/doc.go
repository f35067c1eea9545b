// Package httpv1 serves the v1 scheduler API of a master over HTTP.
//
//	api := httpv1.New(httpv1.Config{Schedulers: m.Schedulers(), Snapshot: m.Snapshot})
//	api.Mount(mux)
//	defer api.Close()
//
// POST /api/v1/scheduler, also under the name of the master's process, /master/api/v1/scheduler. A
// master that does not lead redirects to the one that does. The mechanism is package httpapi's.
//
// In JSON, SUBSCRIBED leaves out the master capability QUOTA_V2: the JSON codec of mesos-go refuses
// values that it does not know, and the reference breaks it so.
//
// Mesos: src/master/http.cpp, Master::Http::scheduler.
package httpv1
