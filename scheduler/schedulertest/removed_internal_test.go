package schedulertest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

func TestAContainerThatOutlivesItsFrameworkIsFound(t *testing.T) {
	teardown := func(framework string) *schedulerpb.Call {
		return &schedulerpb.Call{Type: schedulerpb.Call_TEARDOWN.Enum(), FrameworkId: &mesosproto.FrameworkID{Value: proto.String(framework)}}
	}
	for name, c := range map[string]struct {
		bad bool
		do  func(k *checker, a *Agent, master string)
	}{
		"the framework lives":         {false, func(k *checker, _ *Agent, master string) {}},
		"it was torn down":            {true, func(k *checker, _ *Agent, master string) { k.took(master, teardown("f")) }},
		"another was":                 {false, func(k *checker, _ *Agent, master string) { k.took(master, teardown("g")) }},
		"the master that did it died": {false, func(k *checker, _ *Agent, _ string) { k.took("master0", teardown("f")) }},
		"its agent is away": {false, func(k *checker, a *Agent, master string) {
			k.took(master, teardown("f"))
			a.Crash()
		}},
		"its agent is cut off": {false, func(k *checker, a *Agent, master string) {
			k.took(master, teardown("f"))
			k.cluster.net.block(k.cluster.master.host.name, a.name)
		}},
		"the container has ended": {false, func(k *checker, a *Agent, master string) {
			k.took(master, teardown("f"))
			a.machine.containers["c"].ended = true
		}},
	} {
		cluster := New(deaf{t}, Config{})
		cluster.Advance(10 * time.Second)
		a := cluster.Agent(0)
		a.machine.containers["c"] = &container{spec: &containerizer.Spec{FrameworkID: "f"}}
		a.machine.order = append(a.machine.order, "c")
		k := cluster.check
		c.do(k, a, cluster.master.name)
		k.emptied(func(*Agent, loop.Instant) bool { return true })
		require.Equal(t, c.bad, len(k.found) > 0, "%s: %v", name, k.found)
	}
}
