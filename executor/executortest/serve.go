package executortest

import (
	"net/http/httptest"
	"strings"

	"github.com/mesokit/mesokit/internal/apierror"
	"github.com/mesokit/mesokit/internal/httpapi"
	"github.com/mesokit/mesokit/mesosproto/executorpb"
)

// Serve serves the executor API over HTTP on this machine until the test ends, and returns the environment
// of an executor's process, or for executor.Config.FromVariables. Its sandbox is a directory of the test.
func (a *Agent) Serve() map[string]string {
	api := httpapi.New(httpapi.Config[*executorpb.Call, *executorpb.Event]{
		Server:     server{a},
		NewCall:    func() *executorpb.Call { return new(executorpb.Call) },
		Subscribes: func(c *executorpb.Call) bool { return c.GetType() == executorpb.Call_SUBSCRIBE },
		Validate:   validate,
		Errors:     apierror.Executor,
	})
	http := httptest.NewServer(api)
	a.t.Cleanup(func() {
		api.Close()
		http.Close()
	})
	address, sandbox := strings.TrimPrefix(http.URL, "http://"), a.t.TempDir()
	checkpoint := "0"
	if a.Framework.GetCheckpoint() {
		checkpoint = "1"
	}
	return map[string]string{
		"MESOS_FRAMEWORK_ID":                   a.Framework.GetId().GetValue(),
		"MESOS_EXECUTOR_ID":                    a.Executor.GetExecutorId().GetValue(),
		"MESOS_SLAVE_ID":                       a.Info.GetId().GetValue(),
		"MESOS_SLAVE_PID":                      "slave(1)@" + address,
		"MESOS_AGENT_ENDPOINT":                 address,
		"MESOS_DIRECTORY":                      sandbox,
		"MESOS_SANDBOX":                        sandbox,
		"MESOS_CHECKPOINT":                     checkpoint,
		"MESOS_RECOVERY_TIMEOUT":               "15mins",
		"MESOS_SUBSCRIPTION_BACKOFF_MAX":       "10ms",
		"MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD": "5secs",
	}
}

// Lookup reads such an environment as [os.LookupEnv] reads the process's, for FromVariables.
func Lookup(environment map[string]string) func(name string) (string, bool) {
	return func(name string) (string, bool) {
		value, ok := environment[name]
		return value, ok
	}
}
