// Package maintenancepb has the schedule and status of planned maintenance (proto package
// mesos.v1.maintenance).
//
// All of it is generated from the .proto files here; see package mesosproto.
//
// Source: Mesos include/mesos/v1/maintenance/maintenance.proto.
package maintenancepb
