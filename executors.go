package mesokit

import (
	"context"

	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent"
	"github.com/mesokit/mesokit/agent/containerizer/inprocess"
	"github.com/mesokit/mesokit/agent/inproc"
	"github.com/mesokit/mesokit/executor"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// FunctionExecutor is the executor, for tasks of a framework, that runs what ClusterConfig.Executors has
// under name, with resources of its own. id tells executors of one framework apart.
func FunctionExecutor(id, name string, need resources.Resources) *mesosproto.ExecutorInfo {
	return &mesosproto.ExecutorInfo{
		Type:       mesosproto.ExecutorInfo_CUSTOM.Enum(),
		ExecutorId: &mesosproto.ExecutorID{Value: proto.String(id)},
		Command:    inprocess.Command(name),
		Resources:  need.Proto(),
	}
}

// functionExecutors adapts executors to the containerizer: each container is a driver that is connected to
// the agent without a network.
func functionExecutors(list map[string]func() executor.Executor, self func() *agent.Agent, log *zap.Logger) map[string]inprocess.Executor {
	out := make(map[string]inprocess.Executor, len(list))
	for name, make := range list {
		out[name] = inprocess.Func(func(ctx context.Context, run *inprocess.Run) error {
			cfg, err := executor.Config{Executor: make(), Dialer: inproc.Executors(self()), Logger: log}.FromVariables(
				func(name string) (string, bool) { v, ok := run.Environment[name]; return v, ok })
			if err != nil {
				return err
			}
			cfg.Exit = nil // the program is not the executor's to end
			driver, err := executor.New(cfg)
			if err != nil {
				return err
			}
			return driver.Run(ctx)
		})
	}
	return out
}
