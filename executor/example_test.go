package executor_test

import (
	"context"
	"fmt"
	"time"

	"github.com/mesokit/mesokit/executor"
	"github.com/mesokit/mesokit/executor/httpv1"
	"github.com/mesokit/mesokit/mesosproto"
)

// sleeper runs tasks that wait for as long as their data says.
type sleeper struct {
	executor.Base
	awake map[string]func() bool // stops the waits
}

func (s *sleeper) LaunchTask(d *executor.Driver, task *mesosproto.TaskInfo) {
	id := task.GetTaskId()
	wait, err := time.ParseDuration(string(task.GetData()))
	if err != nil {
		d.Failed(id, err.Error())
		return
	}
	d.Running(id)
	s.awake[id.GetValue()] = d.AfterFunc(wait, func() { d.Finished(id) })
}

func (s *sleeper) KillTask(d *executor.Driver, id *mesosproto.TaskID, _ *mesosproto.KillPolicy) {
	if stop := s.awake[id.GetValue()]; stop != nil && stop() {
		d.Killed(id)
	}
}

// A whole executor: with sleeper, this function as main is a program that any Mesos agent can start.
func Example() {
	defer startAgent().stop() // an agent for this example; it sets the environment

	cfg, err := executor.Config{
		Executor: &sleeper{awake: map[string]func() bool{}},
		Dialer:   httpv1.Dialer{},
	}.FromEnvironment()
	if err != nil {
		fmt.Println(err)
		return
	}
	driver, err := executor.New(cfg)
	if err == nil {
		err = driver.Run(context.Background())
	}
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// agent: launch short, 1ms
	// executor: short TASK_RUNNING
	// executor: short TASK_FINISHED
	// agent: launch long, 1h
	// executor: long TASK_RUNNING
	// agent: kill long
	// executor: long TASK_KILLED
	// agent: launch odd, soon
	// executor: odd TASK_FAILED: time: invalid duration "soon"
	// agent: shutdown
}

// counter reports progress.
type counter struct{ executor.Base }

func (counter) LaunchTask(d *executor.Driver, task *mesosproto.TaskInfo) {
	var steps int
	fmt.Sscan(string(task.GetData()), &steps)
	for i := 1; i < steps; i++ {
		d.SendStatusUpdate(executor.Status(task.GetTaskId(), mesosproto.TaskState_TASK_RUNNING, fmt.Sprint("step ", i)))
	}
	d.Finished(task.GetTaskId())
	d.Stop()
}

func (counter) KillTask(*executor.Driver, *mesosproto.TaskID, *mesosproto.KillPolicy) {}

// Progress can be told in the message of an update, or in its data.
func ExampleDriver_SendStatusUpdate() {
	agent := newToy()
	defer agent.stop()
	driver := agent.Start(counter{})
	agent.launch("count", "3")
	agent.hear(3)
	fmt.Println("ended:", driver.Join())
	close(agent.played)
	// Output:
	// agent: launch count, 3
	// executor: count TASK_RUNNING: step 1
	// executor: count TASK_RUNNING: step 2
	// executor: count TASK_FINISHED
	// ended: <nil>
}
