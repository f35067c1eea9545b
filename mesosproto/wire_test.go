package mesosproto_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/mesokit/mesokit/mesosproto"
	_ "github.com/mesokit/mesokit/mesosproto/aclpb"
	_ "github.com/mesokit/mesokit/mesosproto/agentpb"
	_ "github.com/mesokit/mesokit/mesosproto/allocatorpb"
	_ "github.com/mesokit/mesokit/mesosproto/authorizationpb"
	_ "github.com/mesokit/mesokit/mesosproto/containerizerpb"
	_ "github.com/mesokit/mesokit/mesosproto/executorpb"
	_ "github.com/mesokit/mesokit/mesosproto/fetcherpb"
	_ "github.com/mesokit/mesokit/mesosproto/maintenancepb"
	"github.com/mesokit/mesokit/mesosproto/masterpb"
	_ "github.com/mesokit/mesokit/mesosproto/messagespb"
	_ "github.com/mesokit/mesokit/mesosproto/quotapb"
	_ "github.com/mesokit/mesokit/mesosproto/resourceproviderpb"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
	_ "github.com/mesokit/mesokit/mesosproto/seccomppb"
)

// The tables in testdata list the types of Mesos 1.12-dev: one line for each field or enum value, in
// order of declaration, with the columns kind, name, number, label, type, field or value, options.
var tables = []string{"testdata/v1.tsv", "testdata/internal.tsv"}

// v0Twins are the types of package mesos that internal.tsv refers to. They are not listed in it: the
// v1 type with the same fields stands for each. Nested types follow the outermost.
var v0Twins = map[string]string{
	"mesos.CapabilityInfo": "mesos.v1.CapabilityInfo", "mesos.CommandInfo": "mesos.v1.CommandInfo",
	"mesos.ContainerID": "mesos.v1.ContainerID", "mesos.ContainerInfo": "mesos.v1.ContainerInfo",
	"mesos.DrainConfig": "mesos.v1.DrainConfig", "mesos.DrainInfo": "mesos.v1.DrainInfo",
	"mesos.DurationInfo": "mesos.v1.DurationInfo", "mesos.Environment": "mesos.v1.Environment",
	"mesos.ExecutorID": "mesos.v1.ExecutorID", "mesos.ExecutorInfo": "mesos.v1.ExecutorInfo",
	"mesos.Filters": "mesos.v1.Filters", "mesos.FrameworkID": "mesos.v1.FrameworkID",
	"mesos.FrameworkInfo": "mesos.v1.FrameworkInfo", "mesos.InverseOffer": "mesos.v1.InverseOffer",
	"mesos.KillPolicy": "mesos.v1.KillPolicy", "mesos.Labels": "mesos.v1.Labels",
	"mesos.MachineID": "mesos.v1.MachineID", "mesos.MachineInfo": "mesos.v1.MachineInfo",
	"mesos.MasterInfo": "mesos.v1.MasterInfo", "mesos.Offer": "mesos.v1.Offer", "mesos.OfferID": "mesos.v1.OfferID",
	"mesos.Operation": "mesos.v1.Operation", "mesos.OperationID": "mesos.v1.OperationID",
	"mesos.OperationStatus": "mesos.v1.OperationStatus", "mesos.RLimitInfo": "mesos.v1.RLimitInfo",
	"mesos.Request": "mesos.v1.Request", "mesos.Resource": "mesos.v1.Resource",
	"mesos.ResourceProviderID":   "mesos.v1.ResourceProviderID",
	"mesos.ResourceProviderInfo": "mesos.v1.ResourceProviderInfo",
	"mesos.SlaveID":              "mesos.v1.AgentID", "mesos.SlaveInfo": "mesos.v1.AgentInfo",
	"mesos.Task": "mesos.v1.Task", "mesos.TaskGroupInfo": "mesos.v1.TaskGroupInfo",
	"mesos.TaskID": "mesos.v1.TaskID", "mesos.TaskInfo": "mesos.v1.TaskInfo", "mesos.TaskState": "mesos.v1.TaskState",
	"mesos.TaskStatus": "mesos.v1.TaskStatus", "mesos.TimeInfo": "mesos.v1.TimeInfo", "mesos.UUID": "mesos.v1.UUID",
	"mesos.Value": "mesos.v1.Value", "mesos.WeightInfo": "mesos.v1.WeightInfo",
	"mesos.maintenance.Schedule":    "mesos.v1.maintenance.Schedule",
	"mesos.quota.QuotaConfig":       "mesos.v1.quota.QuotaConfig",
	"mesos.quota.QuotaInfo":         "mesos.v1.quota.QuotaInfo",
	"mesos.resource_provider.Call":  "mesos.v1.resource_provider.Call",
	"mesos.resource_provider.Event": "mesos.v1.resource_provider.Event",

	// Types of other systems, and one that only an agent writes: their fields are kept as bytes, which
	// look the same on the wire.
	"appc.spec.ImageManifest":                   "bytes",
	"docker.spec.v1.ImageManifest":              "bytes",
	"mesos.resource_provider.registry.Registry": "bytes",
}

func TestTypesAreThoseOfTheTables(t *testing.T) {
	want := readTables(t)
	got := registered(t)
	require.Greater(t, len(want), 500, "types in the tables")
	require.Equal(t, sortedKeys(want), sortedKeys(got), "messages and enums")
	for name, lines := range want {
		require.Equal(t, strings.Join(lines, "\n"), strings.Join(got[name], "\n"), name)
	}
}

// readTables returns the lines of the tables by type, in order, with v0 types replaced by their twins.
func readTables(t *testing.T) map[string][]string {
	t.Helper()
	types := map[string][]string{}
	used := map[string]bool{}
	for _, path := range tables {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		lines := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
		require.Equal(t, "kind\tname\tnumber\tlabel\ttype\tfield_or_value\toptions", lines[0], path)
		for _, line := range lines[1:] {
			columns := strings.Split(line, "\t")
			require.Len(t, columns, 7, "%s: %s", path, line)
			columns[4] = twin(columns[4], used)
			types[columns[1]] = append(types[columns[1]], strings.Join(columns, "\t"))
		}
	}
	require.Equal(t, sortedKeys(v0Twins), sortedKeys(used), "every known difference occurs")
	return types
}

func twin(typ string, used map[string]bool) string {
	for outer, v1 := range v0Twins {
		if nested, ok := strings.CutPrefix(typ, outer); ok && (nested == "" || nested[0] == '.') {
			used[outer] = true
			return v1 + nested
		}
	}
	return typ
}

// registered describes the types that are linked into this test as the tables do.
func registered(t *testing.T) map[string][]string {
	t.Helper()
	types := map[string][]string{}
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		if pkg := string(file.Package()); pkg == "mesos" || strings.HasPrefix(pkg, "mesos.") {
			require.Equal(t, protoreflect.Proto2, file.Syntax(), file.Path())
			require.Zero(t, file.Extensions().Len(), file.Path())
			require.Zero(t, file.Services().Len(), file.Path())
			describeEnums(types, file.Enums())
			describeMessages(types, file.Messages())
		}
		return true
	})
	return types
}

func describeMessages(types map[string][]string, messages protoreflect.MessageDescriptors) {
	for i := range messages.Len() {
		m := messages.Get(i)
		name := string(m.FullName())
		var lines []string
		if m.IsMapEntry() {
			lines = append(lines, fmt.Sprintf("map\t%s\t-\t-\t-\t-\t-", name))
		}
		for j := range m.ReservedRanges().Len() {
			r := m.ReservedRanges().Get(j)
			lines = append(lines, fmt.Sprintf("reserved\t%s\t%d to %d", name, r[0], r[1]-1))
		}
		for j := range m.Fields().Len() {
			f := m.Fields().Get(j)
			lines = append(lines, fmt.Sprintf("message\t%s\t%d\t%s\t%s\t%s\t%s",
				name, f.Number(), f.Cardinality(), typeOf(f), f.Name(), optionsOf(f)))
		}
		if len(lines) == 0 {
			lines = append(lines, fmt.Sprintf("message\t%s\t-\t-\t-\t-\t-", name))
		}
		types[name] = lines
		describeEnums(types, m.Enums())
		describeMessages(types, m.Messages())
	}
}

func describeEnums(types map[string][]string, enums protoreflect.EnumDescriptors) {
	for i := range enums.Len() {
		e := enums.Get(i)
		for j := range e.Values().Len() {
			v := e.Values().Get(j)
			options := "-"
			if v.Options().(*descriptorpb.EnumValueOptions).GetDeprecated() {
				options = "deprecated"
			}
			types[string(e.FullName())] = append(types[string(e.FullName())],
				fmt.Sprintf("enum\t%s\t%d\t-\t-\t%s\t%s", e.FullName(), v.Number(), v.Name(), options))
		}
	}
}

func typeOf(f protoreflect.FieldDescriptor) string {
	switch {
	case f.Message() != nil:
		return string(f.Message().FullName())
	case f.Enum() != nil:
		return string(f.Enum().FullName())
	}
	return f.Kind().String()
}

func optionsOf(f protoreflect.FieldDescriptor) string {
	var options []string
	if f.HasDefault() {
		options = append(options, "default="+defaultOf(f))
	}
	if f.IsPacked() {
		options = append(options, "packed")
	}
	if f.Options().(*descriptorpb.FieldOptions).GetDeprecated() {
		options = append(options, "deprecated")
	}
	if f.ContainingOneof() != nil {
		options = append(options, "oneof="+string(f.ContainingOneof().Name()))
	}
	if len(options) == 0 {
		return "-"
	}
	return strings.Join(options, ",")
}

func defaultOf(f protoreflect.FieldDescriptor) string {
	switch f.Kind() {
	case protoreflect.EnumKind:
		return string(f.DefaultEnumValue().Name())
	case protoreflect.DoubleKind:
		return strconv.FormatFloat(f.Default().Float(), 'g', -1, 64)
	}
	return f.Default().String()
}

// What v0 has otherwise than v1, and where. Package internal/evolve converts it; here is only the v1
// side, which decides what conversion is needed. All other v0 messages are their v1 namesakes.
func TestKnownDifferencesFromV0(t *testing.T) {
	subscribe := (&schedulerpb.Call_Subscribe{}).ProtoReflect().Descriptor().Fields()
	require.Equal(t, protoreflect.Name("suppressed_roles"), subscribe.ByNumber(2).Name(), "v0: optional bool force")
	require.Equal(t, protoreflect.Name("offer_constraints"), subscribe.ByNumber(3).Name(), "v0: repeated string suppressed_roles")
	require.Nil(t, subscribe.ByNumber(4), "v0: optional OfferConstraints offer_constraints")

	drain := (&masterpb.Call_DrainAgent{}).ProtoReflect().Descriptor().Fields()
	require.Equal(t, protoreflect.FullName("google.protobuf.Duration"), drain.ByNumber(2).Message().FullName(), "v0: DurationInfo")

	agent := (&mesosproto.AgentInfo{}).ProtoReflect().Descriptor().Fields()
	require.Nil(t, agent.ByNumber(7), "v0: optional bool checkpoint")

	_, err := protoregistry.GlobalTypes.FindMessageByName("mesos.v1.scheduler.APIResult")
	require.NoError(t, err, "v0: not there")
}

// Go packages must not register a name twice, nor put a type where its proto package does not belong.
func TestEachProtoPackageIsOneGoPackage(t *testing.T) {
	const root = "github.com/mesokit/mesokit/mesosproto"
	want := map[string]string{
		"mesos.v1": root, "mesos.v1.agent": root + "/agentpb", "mesos.v1.allocator": root + "/allocatorpb",
		"mesos.v1.executor": root + "/executorpb", "mesos.v1.maintenance": root + "/maintenancepb",
		"mesos.v1.master": root + "/masterpb", "mesos.v1.quota": root + "/quotapb",
		"mesos.v1.resource_provider": root + "/resourceproviderpb", "mesos.v1.scheduler": root + "/schedulerpb",
		"mesos": root + "/aclpb", "mesos.authorization": root + "/authorizationpb", "mesos.fetcher": root + "/fetcherpb",
		"mesos.internal": root + "/messagespb", "mesos.seccomp": root + "/seccomppb", "mesos.slave": root + "/containerizerpb",
	}
	got := map[string]string{}
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		if strings.HasPrefix(string(file.Package()), "mesos") {
			options := file.Options().(*descriptorpb.FileOptions)
			require.Equal(t, descriptorpb.FileOptions_SPEED, options.GetOptimizeFor(), file.Path())
			if seen := got[string(file.Package())]; seen != "" {
				require.Equal(t, seen, options.GetGoPackage(), file.Path())
			}
			got[string(file.Package())] = options.GetGoPackage()
		}
		return true
	})
	require.Equal(t, want, got)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
