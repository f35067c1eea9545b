// Package apierror translates between the errors of the cores and what an HTTP endpoint answers.
//
// Inside, an error that crosses an API is a gogo/status error with a gRPC code. On the wire the
// reference answers with HTTP status codes that do not follow from the kind of error alone: an
// unknown framework is 400 on the scheduler API, not 404. So each endpoint has one [Table], read in
// both directions: servers ask it for the status of an error, clients for the error of a status.
//
// Mesos: src/master/http.cpp, src/slave/http.cpp.
package apierror
