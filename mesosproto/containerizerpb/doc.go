// Package containerizerpb has what an agent and its containerizer tell each other about a container, and
// what they keep of it on disk (proto package mesos.slave).
//
// All of it is generated from the .proto files here; see package mesosproto.
//
// Source: Mesos include/mesos/slave/containerizer.proto, include/mesos/slave/oversubscription.proto.
package containerizerpb
