// Package allocatorpb has what the allocator tells operators (proto package mesos.v1.allocator): how
// frameworks answered inverse offers.
//
// All of it is generated from the .proto files here; see package mesosproto.
//
// Source: Mesos include/mesos/v1/allocator/allocator.proto.
package allocatorpb
