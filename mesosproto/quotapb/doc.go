// Package quotapb has the quotas of roles (proto package mesos.v1.quota), in the newer form of
// QuotaConfig, with guarantees and limits, and in the older one of QuotaInfo, where both are the same.
//
// All of it is generated from the .proto files here; see package mesosproto.
//
// Source: Mesos include/mesos/v1/quota/quota.proto.
package quotapb
