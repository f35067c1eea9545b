// Package aclpb has access control lists (messages ACL and ACLs of proto package mesos): who may do what.
// Masters and agents read an ACLs, as JSON, from their --acls flag.
//
// All of it is generated from the .proto files here; see package mesosproto.
//
// Source: Mesos include/mesos/authorizer/acls.proto.
package aclpb
