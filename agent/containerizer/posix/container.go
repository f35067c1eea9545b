package posix

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/agent/containerizer/keeper"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// container is what the containerizer knows of one.
type container struct {
	spec *containerizer.Spec
	key  string
	mark string // see keeper.Command

	// Guarded by Containerizer.mu.
	pid       int // 0: not started
	start     uint64
	doomed    bool // Destroy was called
	resources resources.Resources
	limits    map[string]float64

	life context.Context // ends with the container
	kill context.CancelFunc
	done chan struct{}             // closed when it has ended
	end  containerizer.Termination // set before
}

func newContainer(spec *containerizer.Spec) *container {
	k := &container{
		spec: spec, key: containerizer.Key(spec.ID), mark: markOf(spec), resources: spec.Resources, limits: spec.Limits, done: make(chan struct{}),
	}
	k.life, k.kill = context.WithCancel(context.Background())
	return k
}

func (k *container) ended() bool {
	select {
	case <-k.done:
		return true
	default:
		return false
	}
}

func (k *container) wait(ctx context.Context) (containerizer.Termination, error) {
	if !k.ended() {
		select {
		case <-k.done:
		case <-ctx.Done():
			return containerizer.Termination{}, context.Cause(ctx)
		}
	}
	return k.end, nil
}

// endWith is called once.
func (k *container) endWith(end containerizer.Termination) {
	k.end = end
	close(k.done)
	k.kill()
}

func (k *container) status() *mesosproto.ContainerStatus {
	return &mesosproto.ContainerStatus{ContainerId: k.spec.ID, ExecutorPid: proto.Uint32(uint32(k.pid))}
}

// termination is what a keeper says of an end.
func termination(exit keeper.Exit) containerizer.Termination {
	end := containerizer.Termination{Exited: exit.Known, WaitStatus: exit.Status, Message: exit.Message}
	if !exit.Known && end.Message == "" {
		end.Message = "its exit status is unknown"
	}
	return end
}
