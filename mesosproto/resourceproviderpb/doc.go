// Package resourceproviderpb has the messages of the v1 resource provider API (proto package
// mesos.v1.resource_provider): calls from a provider to its agent, and events the other way.
//
// All of it is generated from the .proto files here; see package mesosproto.
//
// Source: Mesos include/mesos/v1/resource_provider/resource_provider.proto.
package resourceproviderpb
