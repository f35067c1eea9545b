// Package authorizationpb has the questions that masters and agents ask an authorizer (proto package
// mesos.authorization): may this subject do this to that object?
//
// All of it is generated from the .proto files here; see package mesosproto.
//
// Source: Mesos include/mesos/authorizer/authorizer.proto.
package authorizationpb
