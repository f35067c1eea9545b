// Package executorpb has the messages of the v1 executor API (proto package mesos.v1.executor): calls
// from an executor to its agent, and events the other way.
//
// All of it is generated from the .proto files here; see package mesosproto.
//
// Source: Mesos include/mesos/v1/executor/executor.proto.
package executorpb
