// Package masterpb has the messages of the v1 operator API of the master (proto package
// mesos.v1.master): calls, responses, and the stream of events that SUBSCRIBE opens.
//
// All of it is generated from the .proto files here; see package mesosproto.
//
// Source: Mesos include/mesos/v1/master/master.proto.
package masterpb
