// Mesos-execute runs one command or container on a cluster and follows it to its end.
//
//	mesos-execute --master=127.0.0.1:5050 --name=hello --command='echo hi' --resources='cpus:0.1;mem:32'
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/examples/internal/daemon"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
	"github.com/mesokit/mesokit/scheduler"
	"github.com/mesokit/mesokit/scheduler/httpv1"
)

// options are the flags.
type options struct {
	master, name, command, resources     string
	image, network, env, user, role      string
	capabilities, principal, secret, uri string
	shell, checkpoint, json, force       bool
	killAfter                            *time.Duration
}

func main() {
	var o options
	cmd := &cobra.Command{
		Use:   "mesos-execute --master=HOST:PORT --name=NAME {--command=COMMAND | --docker_image=IMAGE}",
		Short: "Run one command or container on a cluster and follow it to its end",
		Long: `Run one command or container on a cluster and follow it to its end.

It waits for an offer with enough room, launches the task, and prints its status
updates. An interrupt kills the task; a second one ends the program at once.

Exit status:
  0  the task finished
  1  it could not be run: bad flags, no connection, refused by the master
  2  it failed
  3  it was killed
  4  it was lost, dropped or gone, with its agent or before it started`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return o.run() },
	}
	f := cmd.Flags()
	f.StringVar(&o.master, "master", "", "host:port of any master (required)")
	f.StringVar(&o.name, "name", "", "name and id of the task (required)")
	f.StringVar(&o.command, "command", "", "command to run; with --docker_image it may be left out for the image's own")
	f.BoolVar(&o.shell, "shell", true, "run the command with a shell; otherwise it is a program with arguments, separated by blanks")
	f.StringVar(&o.resources, "resources", "cpus:1;mem:128", "what the task uses")
	f.StringVar(&o.image, "docker_image", "", "Docker image to run in")
	f.StringVar(&o.network, "docker_network", "HOST", "Docker network: HOST, BRIDGE or NONE")
	f.BoolVar(&o.force, "docker_force_pull_image", false, "pull the image although the agent has it")
	f.StringVar(&o.env, "env", "", `environment as a JSON object: {"NAME": "value"}`)
	f.StringVar(&o.uri, "uri", "", "URI to fetch into the sandbox before the task starts")
	f.StringVar(&o.user, "user", "", "user that runs the task (default: the present one)")
	f.StringVar(&o.role, "role", "", "role to run in (default: *)")
	f.StringVar(&o.capabilities, "framework_capabilities", "", "capabilities of the framework, separated by commas: PARTITION_AWARE, …")
	f.BoolVar(&o.checkpoint, "checkpoint", false, "let the task outlive a restart of its agent")
	f.StringVar(&o.principal, "principal", "", "principal to authenticate as")
	f.StringVar(&o.secret, "secret", "", "the principal's secret")
	f.BoolVar(&o.json, "json", false, "speak JSON instead of protobuf")
	o.killAfter = daemon.DurationFlag(f, "kill_after", 0, "kill the task after this time, such as 10secs (default: never)")
	daemon.Execute(cmd)
}

func (o *options) run() error {
	task, info, err := o.build()
	if err != nil {
		return err
	}
	e := &execution{task: task, killAfter: *o.killAfter}
	driver, err := scheduler.New(scheduler.Config{
		Framework: info,
		Scheduler: e,
		Master:    o.master,
		Dialer:    httpv1.Dialer{JSON: o.json, Principal: o.principal, Secret: o.secret},
	})
	if err != nil {
		return err
	}
	ctx, stop := daemon.UntilSignal()
	defer stop()
	context.AfterFunc(ctx, func() { e.interrupt(driver) })
	if err := driver.Run(context.Background()); err != nil {
		return err
	}
	return e.status()
}

// build checks the flags and makes the task and the framework that runs it.
func (o *options) build() (*mesosproto.TaskInfo, *mesosproto.FrameworkInfo, error) {
	if err := daemon.CheckMaster(o.master); err != nil {
		return nil, nil, err
	}
	switch {
	case o.name == "":
		return nil, nil, fmt.Errorf("flag --name is missing: the task's name")
	case o.command == "" && o.image == "":
		return nil, nil, fmt.Errorf("neither --command nor --docker_image is given: there is nothing to run")
	}
	need, err := resources.Parse(o.resources)
	if err != nil {
		return nil, nil, fmt.Errorf("flag --resources: %q: %w; write for example cpus:0.5;mem:64", o.resources, err)
	}
	var more []scheduler.TaskOption
	if o.env != "" {
		var env map[string]string
		if err := json.Unmarshal([]byte(o.env), &env); err != nil {
			return nil, nil, fmt.Errorf(`flag --env: %w; write a JSON object of strings: {"NAME": "value"}`, err)
		}
		names := make([]string, 0, len(env))
		for name := range env {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			more = append(more, scheduler.WithEnv(name, env[name]))
		}
	}
	if o.uri != "" {
		more = append(more, scheduler.WithURI(o.uri, true))
	}
	if o.user != "" {
		more = append(more, scheduler.WithUser(o.user))
	}
	if !o.shell {
		more = append(more, scheduler.WithArguments(strings.Fields(o.command)...))
	}
	task, err := o.task(need, more)
	if err != nil {
		return nil, nil, err
	}
	info, err := o.framework()
	return task, info, err
}

func (o *options) task(need resources.Resources, more []scheduler.TaskOption) (*mesosproto.TaskInfo, error) {
	if o.image == "" {
		return scheduler.CommandTask(o.name, o.command, need, more...), nil
	}
	network, ok := map[string]mesosproto.ContainerInfo_DockerInfo_Network{
		"HOST": mesosproto.ContainerInfo_DockerInfo_HOST, "BRIDGE": mesosproto.ContainerInfo_DockerInfo_BRIDGE,
		"NONE": mesosproto.ContainerInfo_DockerInfo_NONE,
	}[strings.ToUpper(o.network)]
	if !ok {
		return nil, fmt.Errorf("flag --docker_network: %q is none of HOST, BRIDGE, NONE", o.network)
	}
	if o.shell && o.command != "" {
		more = append([]scheduler.TaskOption{scheduler.WithCommand(o.command)}, more...)
	}
	if o.force {
		more = append(more, scheduler.WithForcePull())
	}
	return scheduler.DockerTask(o.name, o.image, need, append(more, scheduler.WithNetwork(network))...), nil
}

func (o *options) framework() (*mesosproto.FrameworkInfo, error) {
	info := &mesosproto.FrameworkInfo{Name: proto.String("mesos-execute (" + o.name + ")"), Checkpoint: proto.Bool(o.checkpoint)}
	if o.user != "" {
		info.User = proto.String(o.user)
	}
	if o.principal != "" {
		info.Principal = proto.String(o.principal)
	}
	types := []mesosproto.FrameworkInfo_Capability_Type{mesosproto.FrameworkInfo_Capability_MULTI_ROLE, mesosproto.FrameworkInfo_Capability_RESERVATION_REFINEMENT}
	for name := range strings.SplitSeq(o.capabilities, ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		n, ok := mesosproto.FrameworkInfo_Capability_Type_value[name]
		if !ok {
			return nil, fmt.Errorf("flag --framework_capabilities: %q is no capability; PARTITION_AWARE is one", name)
		}
		if t := mesosproto.FrameworkInfo_Capability_Type(n); !slices.Contains(types, t) {
			types = append(types, t)
		}
	}
	info.Capabilities = scheduler.Capabilities(types...)
	info.Roles = []string{"*"}
	if o.role != "" {
		info.Roles = []string{o.role}
	}
	return info, nil
}

// execution is the framework: it launches one task and ends with it.
type execution struct {
	scheduler.Base
	task      *mesosproto.TaskInfo
	killAfter time.Duration

	launched bool
	last     *mesosproto.TaskStatus
	refused  bool // offers came, none with enough room: said once
}

func (e *execution) Registered(_ *scheduler.Driver, id *mesosproto.FrameworkID, _ *mesosproto.MasterInfo) {
	fmt.Println("Subscribed with ID", id.GetValue())
}

func (e *execution) Reregistered(d *scheduler.Driver, _ *mesosproto.MasterInfo) {
	if e.launched {
		d.Reconcile(&mesosproto.TaskStatus{TaskId: e.task.GetTaskId(), AgentId: e.task.GetAgentId(), State: mesosproto.TaskState_TASK_STAGING.Enum()})
	}
}

func (e *execution) ResourceOffers(d *scheduler.Driver, offers []*mesosproto.Offer) {
	for _, offer := range offers {
		room := scheduler.RoomIn(offer)
		if e.launched || !room.Put(e.task) {
			d.Decline(room.Offers())
			if !e.launched && !e.refused {
				e.refused = true
				fmt.Printf("Waiting for more room: %s on %s is not enough\n", room.Left(), offer.GetHostname())
			}
			continue
		}
		e.launched = true
		d.LaunchTasks(room.Offers(), []*mesosproto.TaskInfo{e.task})
		fmt.Printf("Submitted task '%s' to agent '%s'\n", e.task.GetTaskId().GetValue(), offer.GetAgentId().GetValue())
		d.Suppress()
	}
}

func (e *execution) StatusUpdate(d *scheduler.Driver, s *mesosproto.TaskStatus) {
	fmt.Printf("Received status update %s for task '%s'\n", s.GetState(), s.GetTaskId().GetValue())
	if m := s.GetMessage(); m != "" {
		fmt.Printf("  message: '%s'\n", m)
	}
	if s.Source != nil {
		fmt.Printf("  source: %s\n", s.GetSource())
	}
	if s.Reason != nil {
		fmt.Printf("  reason: %s\n", s.GetReason())
	}
	if s.Healthy != nil {
		fmt.Printf("  healthy: %t\n", s.GetHealthy())
	}
	first := e.last == nil || e.last.GetState() != mesosproto.TaskState_TASK_RUNNING
	e.last = s
	switch s.GetState() {
	case mesosproto.TaskState_TASK_STAGING, mesosproto.TaskState_TASK_STARTING, mesosproto.TaskState_TASK_KILLING, mesosproto.TaskState_TASK_UNREACHABLE:
	case mesosproto.TaskState_TASK_RUNNING:
		if first && e.killAfter > 0 {
			d.AfterFunc(e.killAfter, func() { e.kill(d) })
		}
	default:
		d.Teardown()
	}
}

func (e *execution) Error(_ *scheduler.Driver, err error) { fmt.Fprintln(os.Stderr, "error:", err) }

func (e *execution) kill(d *scheduler.Driver) {
	fmt.Printf("Asking to kill task '%s'\n", e.task.GetTaskId().GetValue())
	d.Kill(e.task.GetTaskId(), scheduler.OnAgent(e.task.GetAgentId()))
}

// interrupt kills the task if it was launched, on the framework's own loop; else it just ends.
func (e *execution) interrupt(d *scheduler.Driver) {
	d.AfterFunc(0, func() {
		if e.launched {
			e.kill(d)
		} else {
			d.Teardown()
		}
	})
}

// status says how the task ended, as the program's exit status.
func (e *execution) status() error {
	if e.last == nil {
		return fmt.Errorf("ended before anything was heard of the task")
	}
	switch e.last.GetState() {
	case mesosproto.TaskState_TASK_FINISHED:
		return nil
	case mesosproto.TaskState_TASK_FAILED:
		return daemon.Exit(2)
	case mesosproto.TaskState_TASK_KILLED:
		return daemon.Exit(3)
	case mesosproto.TaskState_TASK_ERROR:
		return fmt.Errorf("the task was refused: %s", e.last.GetMessage())
	}
	return daemon.Exit(4)
}
