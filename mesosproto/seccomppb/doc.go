// Package seccomppb has parsed seccomp profiles (proto package mesos.seccomp): which system calls a
// container may make.
//
// All of it is generated from the .proto files here; see package mesosproto.
//
// Source: Mesos include/mesos/seccomp/seccomp.proto.
package seccomppb
