package executor_test

import (
	"fmt"
	"os"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/executor/executortest"
	"github.com/mesokit/mesokit/mesosproto"
)

// toy is an agent for the examples. It prints what it does and hears.
type toy struct {
	*executortest.Agent
	cleanups []func()
	played   chan struct{} // closed at the end of the script
}

func newToy() *toy {
	a := &toy{played: make(chan struct{})}
	a.Agent = executortest.New(a)
	return a
}

// startAgent sets the environment as an agent does for its executors, and plays a script.
func startAgent() *toy {
	a := newToy()
	for name, value := range a.Serve() {
		os.Setenv(name, value)
		a.Cleanup(func() { os.Unsetenv(name) })
	}
	go func() {
		defer close(a.played)
		a.launch("short", "1ms")
		a.hear(2)
		a.launch("long", "1h")
		a.hear(1)
		fmt.Println("agent: kill long")
		a.Kill("long", -1)
		a.hear(1)
		a.launch("odd", "soon")
		a.hear(1)
		fmt.Println("agent: shutdown")
		a.Shutdown()
	}()
	return a
}

func (a *toy) launch(id, data string) {
	fmt.Printf("agent: launch %s, %s\n", id, data)
	a.Launch(&mesosproto.TaskInfo{
		TaskId: &mesosproto.TaskID{Value: &id}, Name: &id, Data: []byte(data),
		AgentId: &mesosproto.AgentID{Value: proto.String("agent")},
	})
}

// hear prints the next n updates.
func (a *toy) hear(n int) {
	for range n {
		s := a.Update()
		fmt.Printf("executor: %s %s", s.GetTaskId().GetValue(), s.GetState())
		if m := s.GetMessage(); m != "" {
			fmt.Print(": ", m)
		}
		fmt.Println()
	}
}

// stop waits for the end of the script and cleans up.
func (a *toy) stop() {
	<-a.played
	for i := len(a.cleanups) - 1; i >= 0; i-- {
		a.cleanups[i]()
	}
}

// The methods of executortest.T.

func (*toy) Helper()                           {}
func (*toy) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (a *toy) Cleanup(f func())                { a.cleanups = append(a.cleanups, f) }
func (*toy) TempDir() string                   { return os.TempDir() }
