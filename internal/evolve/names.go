package evolve

import "strings"

const (
	v0Package = "mesos."
	v1Package = "mesos.v1."
)

// v1Only are v1 messages that v0 never had.
var v1Only = map[string]bool{"mesos.v1.scheduler.APIResult": true}

// v1Packages are the packages mesos.v1.X that have a twin mesos.X.
var v1Packages = map[string]bool{
	"agent": true, "allocator": true, "executor": true, "maintenance": true,
	"master": true, "quota": true, "resource_provider": true, "scheduler": true,
}

// v0Only are the messages of package mesos that v1 does not have. What is in a package that
// v1Packages doesn't list, such as mesos.internal, is v0 only, too.
var v0Only = map[string]bool{"ACL": true, "ACLs": true}

// V0Name returns the v0 name of a protobuf type, as libprocess has it in its paths: mesos.TaskInfo for
// mesos.v1.TaskInfo, mesos.SlaveID for mesos.v1.AgentID. Other names, such as
// mesos.internal.PingSlaveMessage, are returned as they are.
func V0Name(name string) string {
	rest, ok := strings.CutPrefix(name, v1Package)
	if !ok || v1Only[name] {
		return name
	}
	first, nested := cutFirst(rest)
	switch first {
	case "AgentID":
		first = "SlaveID"
	case "AgentInfo":
		first = "SlaveInfo"
	}
	return v0Package + first + nested
}

// V1Name returns the v1 name of a protobuf type of v0. Names that are v1 already, or have no twin in
// v1, are returned as they are.
func V1Name(name string) string {
	rest, ok := strings.CutPrefix(name, v0Package)
	if !ok || rest == "" || strings.HasPrefix(name, v1Package) {
		return name
	}
	first, nested := cutFirst(rest)
	isMessage := first != "" && 'A' <= first[0] && first[0] <= 'Z'
	switch {
	case v0Only[first], !isMessage && (!v1Packages[first] || strings.HasPrefix(nested, ".registry.")):
		return name
	case first == "SlaveID":
		first = "AgentID"
	case first == "SlaveInfo":
		first = "AgentInfo"
	}
	return v1Package + first + nested
}

// cutFirst splits a dotted name before its first dot.
func cutFirst(name string) (first, rest string) {
	if i := strings.IndexByte(name, '.'); i >= 0 {
		return name[:i], name[i:]
	}
	return name, ""
}

// V0Field returns the v0 name of a field of a v1 message, as legacy JSON has it: slave_id for
// agent_id, slave_info for agent_info; the others have one name. It does not hold for responses and
// events of the master's operator API, which v1 alone carries and which say agent in v0, too.
func V0Field(name string) string {
	switch name {
	case "agent_id":
		return "slave_id"
	case "agent_info":
		return "slave_info"
	}
	return name
}

// V0Value returns the v0 name of a value of TaskStatus.Reason or TaskStatus.Source:
// REASON_SLAVE_REMOVED for REASON_AGENT_REMOVED. Values of other enums, such as the capability
// AGENT_UPDATE, have one name.
func V0Value(name string) string {
	if rest, ok := strings.CutPrefix(name, "REASON_AGENT_"); ok {
		return "REASON_SLAVE_" + rest
	}
	if name == "SOURCE_AGENT" {
		return "SOURCE_SLAVE"
	}
	return name
}
