package validation_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/master/validation"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
	"github.com/mesokit/mesokit/resources"
)

// msg parses the text form of a message; required fields may be missing.
func msg[M proto.Message](t testing.TB, m M, text string) M {
	require.NoError(t, prototext.UnmarshalOptions{AllowPartial: true}.Unmarshal([]byte(text), m))
	return m
}

func check(t *testing.T, want string, err error, context string) {
	t.Helper()
	if want == "" {
		require.NoError(t, err, context)
		return
	}
	require.EqualError(t, err, want, context)
}

func TestIDs(t *testing.T) {
	for _, c := range []struct{ id, want string }{
		{"task-1", ""},
		{"ü", ""},
		{strings.Repeat("x", 255), ""},
		{"", "ID must not be empty"},
		{strings.Repeat("x", 256), "ID must not be greater than 255 characters"},
		{".", "'.' is disallowed"},
		{"..", "'..' is disallowed"},
		{"a/b", "'a/b' contains invalid characters"},
		{`a\b`, `'a\b' contains invalid characters`},
		{"a\nb", "'a\nb' contains invalid characters"},
	} {
		check(t, c.want, validation.ID(c.id), c.id)
	}
}

func TestSchedulerCalls(t *testing.T) {
	const id = `framework_id { value: "f" } `
	for _, c := range []struct{ call, want string }{
		{``, "Expecting 'type' to be present"},
		{`type: SUBSCRIBE`, "Expecting 'subscribe' to be present"},
		{`type: SUBSCRIBE subscribe { framework_info { user: "u" name: "n" } }`, ""},
		{id + `type: SUBSCRIBE subscribe { framework_info { user: "u" name: "n" } }`, "'framework_id' differs from 'subscribe.framework_info.id'"},
		{`type: SUBSCRIBE subscribe { framework_info { user: "u" name: "n" id { value: "f" } } }`, "'framework_id' differs from 'subscribe.framework_info.id'"},
		{`type: ACCEPT`, "Expecting 'framework_id' to be present"},
		{id + `type: TEARDOWN`, ""},
		{id + `type: REVIVE`, ""},
		{id + `type: SUPPRESS`, ""},
		{id + `type: ACCEPT`, "Expecting 'accept' to be present"},
		{id + `type: DECLINE`, "Expecting 'decline' to be present"},
		{id + `type: ACCEPT_INVERSE_OFFERS`, "Expecting 'accept_inverse_offers' to be present"},
		{id + `type: DECLINE_INVERSE_OFFERS`, "Expecting 'decline_inverse_offers' to be present"},
		{id + `type: KILL`, "Expecting 'kill' to be present"},
		{id + `type: SHUTDOWN`, "Expecting 'shutdown' to be present"},
		{id + `type: ACKNOWLEDGE`, "Expecting 'acknowledge' to be present"},
		{id + `type: ACKNOWLEDGE acknowledge { uuid: "123" }`, "Not a valid UUID"},
		{id + `type: ACKNOWLEDGE acknowledge { uuid: "0123456789abcdef" }`, ""},
		{id + `type: ACKNOWLEDGE_OPERATION_STATUS acknowledge_operation_status { uuid: "0123456789abcdef" }`, "Expecting 'agent_id' to be present"},
		{id + `type: RECONCILE`, "Expecting 'reconcile' to be present"},
		{id + `type: RECONCILE_OPERATIONS`, "Expecting 'reconcile_operations' to be present"},
		{id + `type: MESSAGE`, "Expecting 'message' to be present"},
		{id + `type: REQUEST`, "Expecting 'request' to be present"},
		{id + `type: UPDATE_FRAMEWORK`, "Expecting 'update_framework' to be present"},
		{id + `type: UPDATE_FRAMEWORK update_framework { framework_info { user: "u" name: "n" } }`, "'framework_id' differs from 'update_framework.framework_info.id'"},
	} {
		check(t, c.want, validation.SchedulerCall(msg(t, &schedulerpb.Call{}, c.call)), c.call)
	}
}

func TestFrameworkInfos(t *testing.T) {
	const multi = `capabilities { type: MULTI_ROLE } `
	for _, c := range []struct{ info, want string }{
		{``, ""},
		{`role: "dev"`, ""},
		{`roles: "a" role: "b"`, "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable"},
		{multi, ""},
		{multi + `roles: "dev" roles: "ops/web"`, ""},
		{multi + `role: "dev"`, "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable"},
		{multi + `roles: "dev" roles: "dev"`, "'FrameworkInfo.roles' contains duplicate items: { dev }"},
		{multi + `roles: "-x"`, "'FrameworkInfo.roles' contains invalid role: Role component '-x' is invalid because it starts with a dash"},
		{multi + `roles: "bad role"`, "'FrameworkInfo.roles' contains invalid role: Role component 'bad role' is invalid because it contains backspace or whitespace"},
		{`id { value: "" }`, ""},
		{`id { value: "a/b" }`, "'a/b' contains invalid characters"},
		{`failover_timeout: 604800`, ""},
		{`failover_timeout: -1`, ""},
	} {
		check(t, c.want, validation.FrameworkInfo(msg(t, &mesosproto.FrameworkInfo{}, c.info)), c.info)
	}
	for _, timeout := range []float64{math.Inf(1), math.NaN(), 1e19} {
		err := validation.FrameworkInfo(&mesosproto.FrameworkInfo{FailoverTimeout: &timeout})
		require.ErrorContains(t, err, "failover_timeout", timeout)
	}
	for text, want := range map[string]string{
		"-1": "Negative values not supported", "nan": "NaN not supported", "inf": "Infinite value not supported", "1e-310": "Subnormal values not supported", "0": "", "1": "",
	} {
		err := validation.FrameworkInfo(msg(t, &mesosproto.FrameworkInfo{},
			`offer_filters { key: "*" value { min_allocatable_resources { quantities { quantities { key: "cpus" value { value: `+text+` } } } } } }`))
		if want == "" {
			require.NoError(t, err, text)
		} else {
			require.ErrorContains(t, err, want, text)
		}
	}
}

func TestRolesOfAFramework(t *testing.T) {
	info := msg(t, &mesosproto.FrameworkInfo{}, `capabilities { type: MULTI_ROLE } roles: "dev" roles: "qa"`)
	require.NoError(t, validation.RoleWhitelist(info, nil))
	require.NoError(t, validation.RoleWhitelist(&mesosproto.FrameworkInfo{}, []string{"x"}), "* is always allowed")
	check(t, "Roles { dev, qa } are not present in the master's --roles", validation.RoleWhitelist(info, []string{"x"}), "")
	require.NoError(t, validation.SuppressedRoles(info, []string{"qa"}))
	check(t, "Suppressed roles { ops } are not contained in the set of roles", validation.SuppressedRoles(info, []string{"ops", "qa"}), "")
}

func TestPrincipals(t *testing.T) {
	info := &mesosproto.FrameworkInfo{Principal: proto.String("operator")}
	require.NoError(t, validation.Principal("", info))
	require.NoError(t, validation.Principal("operator", info))
	require.NoError(t, validation.Principal("x", &mesosproto.FrameworkInfo{}))
	check(t, "Authenticated principal 'x' does not match principal 'operator' set in `FrameworkInfo`", validation.Principal("x", info), "")
}

func TestUpdatesOfAFramework(t *testing.T) {
	is := msg(t, &mesosproto.FrameworkInfo{}, `user: "root" name: "n" checkpoint: true principal: "p"`)
	for _, c := range []struct{ info, want string }{
		{`user: "root" name: "other" checkpoint: true principal: "p" failover_timeout: 5`, ""},
		{`user: "nobody" name: "n" checkpoint: true principal: "p"`, "Updating 'FrameworkInfo.user' is unsupported; attempted to update from 'root' to 'nobody'"},
		{`user: "root" name: "n" principal: "p"`, "Updating 'FrameworkInfo.checkpoint' is unsupported; attempted to update from 'true' to 'false'"},
		{`user: "root" name: "n" checkpoint: true`, "Changing framework's principal is not allowed."},
	} {
		check(t, c.want, validation.FrameworkUpdate(is, msg(t, &mesosproto.FrameworkInfo{}, c.info)), c.info)
	}
}

func TestOfferConstraints(t *testing.T) {
	//lint:ignore SA1019 frameworks without MULTI_ROLE use it
	info := &mesosproto.FrameworkInfo{Role: proto.String("dev")}
	in := func(constraint string) string {
		return `role_constraints { key: "dev" value { groups { attribute_constraints { ` + constraint + ` } } } }`
	}
	for _, c := range []struct{ text, want string }{
		{in(`selector { attribute_name: "rack" } predicate { text_matches { regex: "a.*" } }`), ""},
		{in(`selector { pseudoattribute_type: HOSTNAME } predicate { exists {} }`), ""},
		{in(`selector { attribute_name: "rack" } predicate { text_matches { regex: "(" } }`),
			"Offer constraints are not valid: A role dev has an invalid 'AttributeConstraint': Failed to construct regex from pattern '(': missing ): ("},
		{in(`selector { attribute_name: "rack" } predicate { text_matches { regex: "[a-z]+-[0-9]{1,3}" } }`), ""},
		{in(`selector { attribute_name: "rack" } predicate { text_not_matches { regex: "\\1" } }`),
			"Offer constraints are not valid: A role dev has an invalid 'AttributeConstraint': Failed to construct regex from pattern '\\1': invalid escape sequence: \\1"},
		{in(`selector { } predicate { exists {} }`),
			"Offer constraints are not valid: A role dev has an invalid 'AttributeConstraint': Exactly one of 'AttributeConstraint::Selector::name' or 'AttributeConstraint::Selector::pseudoattribute_type' must be set"},
		{in(`selector { pseudoattribute_type: UNKNOWN } predicate { exists {} }`),
			"Offer constraints are not valid: A role dev has an invalid 'AttributeConstraint': Unknown pseudoattribute type"},
		{in(`selector { attribute_name: "rack" } predicate { }`), "Offer constraints are not valid: A role dev has an invalid 'AttributeConstraint': Unknown predicate type"},
		{`role_constraints { key: "dev" value { } }`, "Offer constraints are not valid: A role dev has an empty 'RoleConstraints'"},
		{`role_constraints { key: "dev" value { groups { } } }`, "Offer constraints are not valid: A role dev has an empty 'RoleConstraints::Group'"},
		{`role_constraints { key: "qa" value { } }`, "Offer constraints specify `role_constraints` for a role 'qa' which is not contained in the set of roles"},
	} {
		check(t, c.want, validation.OfferConstraints(info, msg(t, &schedulerpb.OfferConstraints{}, c.text)), c.text)
	}
	for _, regex := range []string{strings.Repeat("ab?", 200), strings.Repeat("a", 101), "(a{30}){30}"} {
		big := in(`selector { attribute_name: "rack" } predicate { text_not_matches { regex: "` + regex + `" } }`)
		require.ErrorContains(t, validation.OfferConstraints(info, msg(t, &schedulerpb.OfferConstraints{}, big)), "exceeds the maximum of 100")
	}
	// It would end the group that it is put into.
	ends := in(`selector { attribute_name: "rack" } predicate { text_matches { regex: "a)|(b" } }`)
	require.ErrorContains(t, validation.OfferConstraints(info, msg(t, &schedulerpb.OfferConstraints{}, ends)), "Failed to construct regex")
	other := &schedulerpb.OfferConstraints{}
	other = msg(t, other, in(`selector { pseudoattribute_type: ZONE } predicate { exists {} }`))
	s := other.RoleConstraints["dev"].Groups[0].AttributeConstraints[0].Selector
	s.Selector.(*schedulerpb.AttributeConstraint_Selector_PseudoattributeType_).PseudoattributeType = 99 // of a later version
	require.ErrorContains(t, validation.OfferConstraints(info, other), "Unknown pseudoattribute type")
	require.NoError(t, validation.OfferConstraints(info, nil))
}

func TestHealthChecks(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{``, "HealthCheck must specify 'type'"},
		{`type: UNKNOWN`, "'UNKNOWN' is not a valid health check type"},
		{`type: COMMAND`, "Expecting 'command' to be set for COMMAND health check"},
		{`type: COMMAND command { }`, "Command health check must contain 'shell command'"},
		{`type: COMMAND command { shell: false }`, "Command health check must contain 'executable path'"},
		{`type: COMMAND command { value: "true" }`, ""},
		{`type: HTTP`, "Expecting 'http' to be set for HTTP health check"},
		{`type: HTTP http { port: 80 scheme: "ftp" }`, "Unsupported HTTP health check scheme: 'ftp'"},
		{`type: HTTP http { port: 80 path: "x" }`, "The path 'x' of HTTP health check must start with '/'"},
		{`type: HTTP http { port: 80 path: "/x" scheme: "https" }`, ""},
		{`type: TCP`, "Expecting 'tcp' to be set for TCP health check"},
		{`type: TCP tcp { port: 1 } delay_seconds: -1`, "Expecting 'delay_seconds' to be non-negative"},
		{`type: TCP tcp { port: 1 } timeout_seconds: nan`, "Expecting 'timeout_seconds' to be non-negative"},
	} {
		check(t, c.want, validation.HealthCheck(msg(t, &mesosproto.HealthCheck{}, c.text)), c.text)
	}
	for _, c := range []struct{ text, want string }{
		{`type: COMMAND command { command { value: "true" } }`, ""},
		{`type: COMMAND`, "Expecting 'command' to be set for COMMAND check"},
		{`type: HTTP`, "Expecting 'http' to be set for HTTP check"},
		{`type: HTTP http { port: 1 path: "x" }`, "The path 'x' of HTTP check must start with '/'"},
		{`type: TCP tcp { port: 1 } interval_seconds: -2`, "Expecting 'interval_seconds' to be non-negative"},
	} {
		check(t, c.want, validation.Check(msg(t, &mesosproto.CheckInfo{}, c.text)), c.text)
	}
}

func launch() validation.Launch {
	return validation.Launch{
		FrameworkID: "f", AgentID: "S0",
		Available:           resources.MustParse("cpus:4;mem:1024;disk:1024;ports:[31000-32000]").Allocate("dev"),
		TaskIDInUse:         func(id string) bool { return id == "used" },
		Executor:            func(string) *mesosproto.ExecutorInfo { return nil },
		AgentSupportsLimits: true,
	}
}

const (
	cpu  = `resources { name: "cpus" type: SCALAR scalar { value: 1 } allocation_info { role: "dev" } } `
	mem  = `resources { name: "mem" type: SCALAR scalar { value: 32 } allocation_info { role: "dev" } } `
	disk = `resources { name: "disk" type: SCALAR scalar { value: 32 } allocation_info { role: "dev" } } `
	port = `resources { name: "ports" type: RANGES ranges { range { begin: 31000 end: 31001 } } allocation_info { role: "dev" } } `
	base = `name: "t" task_id { value: "t" } agent_id { value: "S0" } `
	cmd  = `command { value: "true" } `
	exec = `executor { type: CUSTOM executor_id { value: "e" } framework_id { value: "f" } command { value: "x" } ` + mem + `} `
)

func TestTasks(t *testing.T) {
	for _, c := range []struct{ task, want string }{
		{base + cmd + cpu + mem, ""},
		{base + exec + cpu, ""},
		{base + cmd + exec + cpu, "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present"},
		{base + cpu, "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present"},
		{base + cmd, "Task uses no resources"},
		{`name: "t" task_id { value: "a/b" } agent_id { value: "S0" } ` + cmd + cpu, "'a/b' contains invalid characters"},
		{`name: "t" task_id { value: "used" } agent_id { value: "S0" } ` + cmd + cpu, "Task has duplicate ID: used"},
		{`name: "t" task_id { value: "t" } agent_id { value: "S9" } ` + cmd + cpu, "Task uses invalid agent S9 while agent S0 is expected"},
		{base + cmd + cpu + `kill_policy { grace_period { nanoseconds: -1 } }`, "Task's 'kill_policy.grace_period' must be non-negative"},
		{base + cmd + cpu + `max_completion_time { nanoseconds: -1 }`, "Task's 'max_completion_time' must be non-negative"},
		{base + cmd + cpu + `health_check { type: HTTP }`, "Task uses invalid health check: Expecting 'http' to be set for HTTP health check"},
		{base + cmd + cpu + `check { type: HTTP }`, "Task uses invalid check: Expecting 'http' to be set for HTTP check"},
		{base + `command { environment { variables { name: "A" } } } ` + cpu, "Task's `CommandInfo` is invalid: Environment variable 'A' of type 'VALUE' must have a value set"},
		{base + `command { environment { variables { name: "A" type: SECRET value: "x" secret { } } } } ` + cpu, "Task's `CommandInfo` is invalid: Environment variable 'A' of type 'SECRET' must not have a value set"},
		{base + cmd + cpu + `container { type: DOCKER }`, "Task's `ContainerInfo` is invalid: DockerInfo 'docker' is not set for DOCKER typed ContainerInfo"},
		{base + cmd + cpu + `container { type: DOCKER docker { image: "i" parameters { key: "name" value: "x" } } }`, "Task's `ContainerInfo` is invalid: Parameter in DockerInfo must not be 'name'"},
		{base + cmd + cpu + `container { type: MESOS volumes { mode: RW container_path: "/x" } }`, "Task's `ContainerInfo` is invalid: Invalid volume: Only one of them should be set: 'host_path', 'image' and 'source'"},
		{base + cmd + cpu + `limits { key: "cpus" value { value: 2 } }`, ""},
		{base + cmd + cpu + `limits { key: "cpus" value { value: inf } }`, ""},
		{base + cmd + cpu + `limits { key: "cpus" value { value: 0.5 } }`, "Task's limit of 'cpus' (0.5) is less than its request (1)"},
		{base + cmd + cpu + `limits { key: "mem" value { value: 64 } }`, "Task specifies a limit of 'mem' but no request for it"},
		{base + cmd + cpu + `limits { key: "disk" value { value: 64 } }`, "Limits may only be set on cpus and mem, but a limit is set on 'disk'"},
		{base + exec + cpu + port, ""},
		{base + `executor { type: DEFAULT executor_id { value: "e" } framework_id { value: "f" } } ` + cpu, "'ExecutorInfo.type' must be 'CUSTOM'"},
		{base + `executor { executor_id { value: "e" } framework_id { value: "f" } } ` + cpu, "'ExecutorInfo.command' must be set for 'CUSTOM' executor"},
		{base + `executor { executor_id { value: "e" } framework_id { value: "other" } command { } } ` + cpu, "ExecutorInfo has an invalid FrameworkID (Actual: other vs Expected: f)"},
		{base + `executor { executor_id { value: "e/" } framework_id { value: "f" } command { } } ` + cpu, "'e/' contains invalid characters"},
		{base + `executor { executor_id { value: "e" } framework_id { value: "f" } command { } ` + port + `} ` + port, "Task and its executor use overlapping ranges"},
		{base + cmd + `resources { name: "cpus" type: SCALAR scalar { value: 100 } allocation_info { role: "dev" } }`,
			"Total resources cpus(allocated: dev):100 required by task and its executor is more than available " + launch().Available.String()},
		{base + cmd + `resources { name: "cpus" type: SCALAR scalar { value: 1 } allocation_info { role: "qa" } } ` + mem,
			"Task uses invalid resources: The resources have multiple allocation roles ({ dev, qa }) but only one allocation role is allowed"},
		{base + cmd + `resources { name: "gpus" type: SCALAR scalar { value: 0.5 } allocation_info { role: "dev" } }`,
			"Task uses invalid resources: The 'gpus' resource must be an unsigned integer"},
		{base + cmd + cpu + `resources { name: "cpus" type: SCALAR scalar { value: 1 } revocable { } allocation_info { role: "dev" } }`,
			"Task uses invalid resources: Cannot use both revocable and non-revocable 'cpus' at the same time"},
	} {
		cost, err := validation.Task(msg(t, &mesosproto.TaskInfo{}, c.task), launch())
		check(t, c.want, err, c.task)
		if c.want == "" {
			require.False(t, cost.Total.IsEmpty())
		}
	}
}

func TestLimitsNeedAnAgentThatKnowsThem(t *testing.T) {
	l := launch()
	l.AgentSupportsLimits = false
	_, err := validation.Task(msg(t, &mesosproto.TaskInfo{}, base+cmd+cpu+`limits { key: "cpus" value { value: 2 } }`), l)
	require.ErrorContains(t, err, "the agent does not support them")
}

func TestTheFirstTaskPaysForItsExecutor(t *testing.T) {
	task := msg(t, &mesosproto.TaskInfo{}, base+exec+cpu)
	cost, err := validation.Task(task, launch())
	require.NoError(t, err)
	require.True(t, cost.LaunchesExecutor)
	require.Equal(t, "cpus(allocated: dev):1; mem(allocated: dev):32", cost.Total.String())

	l := launch()
	l.Executor = func(id string) *mesosproto.ExecutorInfo { return proto.CloneOf(task.Executor) }
	cost, err = validation.Task(task, l)
	require.NoError(t, err)
	require.False(t, cost.LaunchesExecutor)
	require.Equal(t, "cpus(allocated: dev):1", cost.Total.String())

	l.Executor = func(id string) *mesosproto.ExecutorInfo {
		other := proto.CloneOf(task.Executor)
		other.Command.Value = proto.String("y")
		return other
	}
	_, err = validation.Task(task, l)
	require.ErrorContains(t, err, "ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID.\n----")
	require.ErrorContains(t, err, "Task's ExecutorInfo:")
}

func TestTaskGroups(t *testing.T) {
	const pod = `type: DEFAULT executor_id { value: "pod" } framework_id { value: "f" } `
	full := pod + cpu + mem + disk
	task := func(id, more string) string {
		return `tasks { name: "t" task_id { value: "` + id + `" } agent_id { value: "S0" } ` + cmd + cpu + more + `} `
	}
	for _, c := range []struct{ group, executor, want string }{
		{task("a", "") + task("b", ""), full, ""},
		{task("a", ""), `type: CUSTOM executor_id { value: "pod" } framework_id { value: "f" } command { value: "x" } ` + cpu + mem + disk, ""},
		{task("a", ""), `type: CUSTOM executor_id { value: "pod" } framework_id { value: "f" } ` + cpu + mem + disk, "'ExecutorInfo.command' must be set for 'CUSTOM' executor"},
		{task("a", ""), full + `command { }`, "'ExecutorInfo.command' must not be set for 'DEFAULT' executor"},
		{task("a", ""), `executor_id { value: "pod" } framework_id { value: "f" } command { value: "x" } ` + cpu + mem + disk, "'ExecutorInfo.type' must be set"},
		{task("a", ""), pod + mem + disk, "Executor 'pod' uses less CPUs (None) than the minimum required (0.01)"},
		{task("a", ""), pod + cpu + disk, "Executor 'pod' uses less memory (None) than the minimum required (32MB)"},
		{task("a", ""), pod + cpu + mem, "Executor 'pod' uses no disk"},
		{task("g6", `container { type: DOCKER docker { image: "i" } } `), full, "Task 'g6' is invalid: Docker ContainerInfo is not supported on the task"},
		{task("a", "") + task("a", ""), full, "Task 'a' is invalid: Task has duplicate ID: a"},
		{task("a", "") + task("b", "") + task("c", "") + task("d", ""), full,
			"Total resources cpus(allocated: dev):5; mem(allocated: dev):32; disk(allocated: dev):32 required by task group and its executor are more than available "},
	} {
		e := msg(t, &mesosproto.ExecutorInfo{}, c.executor)
		group := msg(t, &mesosproto.TaskGroupInfo{}, c.group)
		for _, task := range group.Tasks {
			task.Executor = proto.CloneOf(e)
		}
		cost, err := validation.TaskGroup(group, e, launch())
		if c.want == "" {
			require.NoError(t, err, c.group)
			require.Len(t, cost.Tasks, len(group.Tasks))
			require.True(t, cost.LaunchesExecutor)
			continue
		}
		require.ErrorContains(t, err, strings.TrimSpace(c.want[:min(len(c.want), 60)]), c.group+c.executor)
	}
}

func FuzzTask(f *testing.F) {
	seed, err := proto.Marshal(msg(f, &mesosproto.TaskInfo{}, base+exec+cpu+port))
	require.NoError(f, err)
	f.Add(seed)
	f.Fuzz(func(t *testing.T, b []byte) {
		task := &mesosproto.TaskInfo{}
		if proto.Unmarshal(b, task) != nil {
			return
		}
		l := launch()
		cost, err := validation.Task(task, l)
		if err == nil {
			require.True(t, l.Available.Contains(cost.Total))
		}
		group := &mesosproto.TaskGroupInfo{Tasks: []*mesosproto.TaskInfo{task, task}}
		_, err = validation.TaskGroup(group, &mesosproto.ExecutorInfo{}, l)
		require.Error(t, err)
	})
}

func BenchmarkTask(b *testing.B) {
	task, l := msg(b, &mesosproto.TaskInfo{}, base+cmd+cpu+mem), launch()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := validation.Task(task, l); err != nil {
			b.Fatal(err)
		}
	}
}
