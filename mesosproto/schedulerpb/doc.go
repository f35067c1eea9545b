// Package schedulerpb has the messages of the v1 scheduler API (proto package mesos.v1.scheduler):
// calls from a framework to the master, and events the other way.
//
// They pass every step of the path that a framework sees: SUBSCRIBE, OFFERS, ACCEPT, UPDATE,
// ACKNOWLEDGE. v0 drivers send the same Call over libprocess, but for the fields of Subscribe, which
// internal/evolve renumbers.
//
// All of it is generated from the .proto files here; see package mesosproto.
//
// Source: Mesos include/mesos/v1/scheduler/scheduler.proto.
package schedulerpb
