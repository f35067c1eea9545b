// Package operatorapi is what the operator endpoints of master and agent have in common: the routing
// rules, answers with JSONP, gzip and ETag, the JSON of the v0 API, metrics.
//
//	snapshot of a core ──▶ Fragments (encoded once, kept) ──▶ Document ──▶ Serve
//
// A [Document] is a list of [Fragment] values. Whoever builds one keeps the fragments of what did not
// change since the last, so that an answer costs what copying it costs, plain or compressed: a fragment
// is compressed once, and the pieces are joined to one gzip stream.
//
// Nothing here knows a role, and nothing here is state but what [Cache] keeps. All but [JSON], [Builder]
// and [Cache], which belong to one goroutine at a time, is safe for concurrent use.
//
// Source: Mesos src/common/http.cpp, src/master/http.cpp, src/slave/http.cpp;
// 3rdparty/libprocess/src/process.cpp, ProcessManager::handle; 3rdparty/libprocess/src/metrics.
package operatorapi
