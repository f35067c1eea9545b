// Package mesosproto has the messages of the Mesos v1 API (proto package mesos.v1), which are also
// the vocabulary that all parts of Mesokit share: resources, offers, tasks, agents, frameworks.
//
// The code is generated from the .proto files beside it with the open struct API of
// google.golang.org/protobuf. The messages that only one API uses are in packages below:
//
//	schedulerpb          mesos.v1.scheduler: frameworks and the master
//	executorpb           mesos.v1.executor: executors and their agent
//	masterpb, agentpb    mesos.v1.master, mesos.v1.agent: the operator APIs
//	quotapb, maintenancepb, allocatorpb   what the operator API of the master is about
//	resourceproviderpb   mesos.v1.resource_provider: resource providers and their agent
//	messagespb           mesos.internal: masters, agents and v0 drivers among themselves; the registry
//	containerizerpb, fetcherpb, seccomppb   mesos.slave, .fetcher, .seccomp: inside an agent, and on its disk
//	aclpb, authorizationpb                  mesos.ACLs, mesos.authorization: who may do what
//
// # One type for v0 and v1
//
// Messages of the older v0 API have the same field numbers and types as their v1 namesakes, though
// they say Slave where v1 says Agent. So messagespb and the other v0 packages refer to the v1 types,
// and one Go type serves both on the wire. Package internal/evolve has the few differences.
//
// # Promises
//
// Field numbers, types, defaults and the order of fields, which is the order of keys in JSON, are
// those of Mesos 1.12-dev, its last state; a test compares each with a table. Messages are proto2: required fields are
// checked when a message is marshalled or unmarshalled, and getters return declared defaults.
// A message must not be changed once it has been handed to another component.
//
// To change a message, edit its .proto file and run `go generate ./mesosproto`, which needs protoc.
//
// Source: Mesos include/mesos/v1, include/mesos, src/messages, src/master/registry.proto.
package mesosproto
