// Package fetcherpb has the order that an agent gives to the fetcher when it fills a sandbox (proto
// package mesos.fetcher).
//
// All of it is generated from the .proto files here; see package mesosproto.
//
// Source: Mesos include/mesos/fetcher/fetcher.proto.
package fetcherpb
