package mesokit_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
	"github.com/mesokit/mesokit/scheduler"
	"github.com/mesokit/mesokit/scheduler/framework"
	"github.com/mesokit/mesokit/scheduler/httpv1"
)

// A framework that nobody ran for its failover timeout is removed, and its tasks with it. What the next
// Run does is declared: it fails, or begins anew as another framework.
func TestAFrameworkThatWasRemovedFailsOrStartsOver(t *testing.T) {
	for _, policy := range []framework.RemovedPolicy{framework.Fail, framework.StartOver} {
		c, err := mesokit.StartCluster(t.Context(), mesokit.ClusterConfig{})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, c.Stop()) })
		snapshots := make(chan *framework.Snapshot, 1000)
		f, err := framework.New(framework.Config{
			Driver: scheduler.Config{
				Framework: &mesosproto.FrameworkInfo{Name: proto.String("web"), FailoverTimeout: proto.Float64(0.1)},
				Master:    c.Address(), Dialer: httpv1.Dialer{},
			},
			Store: &framework.Memory{}, OnRemoved: policy,
			Specs:   []framework.Spec{framework.Service{Name: "web", Instances: 2, Task: scheduler.CommandTask("", "sleep 1000", resources.MustParse("cpus:0.1;mem:32"))}},
			Changed: func(s *framework.Snapshot) { snapshots <- s },
		})
		require.NoError(t, err)
		run := func() (end func() error) {
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- f.Run(ctx) }()
			return func() error {
				cancel()
				return <-done
			}
		}
		ready := func(than string) (id string) {
			for {
				if s := next(t, "the service to run", snapshots); s.Spec("web").Ready == 2 && s.FrameworkID != than {
					return s.FrameworkID
				}
			}
		}
		end := run()
		first := ready("")
		require.NoError(t, end())
		require.Eventually(t, func() bool { return c.Master().Snapshot().Frameworks.Len() == 0 }, time.Minute, time.Millisecond)

		if policy == framework.Fail {
			for range 2 { // also when it is tried again
				require.ErrorContains(t, f.Run(t.Context()), "removed")
			}
			continue
		}
		end = run()
		require.NotEqual(t, first, ready(first))
		require.NoError(t, end())
	}
}
