// Package agentpb has the messages of the v1 operator API of the agent (proto package mesos.v1.agent):
// calls, responses, and ProcessIO, the records of a stream to or from a container.
//
// All of it is generated from the .proto files here; see package mesosproto.
//
// Source: Mesos include/mesos/v1/agent/agent.proto.
package agentpb
