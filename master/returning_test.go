package master_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// An executor that ends while its agent is let in again has ended when the agent is in: the agent says it
// once, behind the list in which the executor still stands.
func TestAnExecutorThatEndsWhileItsAgentComesBack(t *testing.T) {
	for name, c := range map[string]struct {
		executor string
		gone     bool
	}{
		"it ends":         {"x", true},
		"another ended":   {"y", false},
		"ended by nobody": {"", false},
	} {
		b := start(t)
		f := b.framework(modern("dev"))
		h := b.agent("h", "cpus:4;mem:1024")
		h.conn.deaf = true
		b.sim.Advance(2 * time.Minute)
		require.Nil(t, h.state(), "it is unreachable: the registry has to be written")

		h.conn = &conn{b: b, peer: h.conn.peer}
		exited := &messagespb.ExitedExecutorMessage{
			SlaveId: h.info.Id, FrameworkId: f.idProto(), ExecutorId: &mesosproto.ExecutorID{Value: proto.String(c.executor)}, Status: proto.Int32(9),
		}
		taken := parse(t, "cpus:1")
		taken[0].AllocationInfo = &mesosproto.Resource_AllocationInfo{Role: proto.String("dev")}
		for _, m := range []proto.Message{
			&messagespb.ReregisterSlaveMessage{
				Slave: proto.CloneOf(h.info), Version: proto.String("1.12.0"), AgentCapabilities: agentCapabilities, ResourceVersionUuid: resourceVersion,
				Frameworks: []*mesosproto.FrameworkInfo{f.registered()},
				ExecutorInfos: []*mesosproto.ExecutorInfo{{
					ExecutorId: &mesosproto.ExecutorID{Value: proto.String("x")}, FrameworkId: f.idProto(), Resources: taken,
				}},
			},
			exited, exited,
		} {
			b.master.Agents().Message(h.conn, m, func() {})
		}
		b.settle()
		require.NotNil(t, last[*messagespb.SlaveReregisteredMessage](h), name)
		failures := f.take(schedulerpb.Event_FAILURE)
		if c.gone {
			require.Zero(t, f.state().Executors.Len(), name)
			require.True(t, h.state().Used.IsEmpty(), name)
			require.Equal(t, int32(9), failures[len(failures)-1].GetFailure().GetStatus(), name)
		} else {
			require.Equal(t, 1, f.state().Executors.Len(), name)
		}
	}
}
