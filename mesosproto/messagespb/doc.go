// Package messagespb has the messages that masters, agents and v0 drivers send each other over
// libprocess (proto package mesos.internal), and the registry, which the master keeps across failovers.
//
// The full name of a message is its address on the wire: POST /master/mesos.internal.RegisterSlaveMessage.
// Messages and fields keep their v0 names, such as slave_id; their types are the v1 ones, such as
// mesosproto.AgentID, which look the same on the wire. A SlaveInfo has one more field than an AgentInfo,
// checkpoint; internal/evolve reads and writes it.
//
// All of it is generated from the .proto files here; see package mesosproto.
//
// Source: Mesos src/messages/messages.proto, src/master/registry.proto, include/mesos/authentication/authentication.proto.
package messagespb
