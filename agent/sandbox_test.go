package agent

import (
	"os"
	"os/user"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
)

// "Sandbox created: mkdir -p, mode 0750, chown to user; runs/latest symlink replaced (absolute target)."
func TestSandboxHasTheReferencesLayout(t *testing.T) {
	me, err := user.Current()
	require.NoError(t, err)
	dir := t.TempDir()
	r := registered(t, func(cfg *Config) { cfg.WorkDir = dir })
	info := commandTask("t")
	info.Command.User = proto.String(me.Username)
	r.tell(r.runTask(info, true))
	require.Contains(t, r.acknowledgeAll(time.Second), "RUNNING")
	spec := r.box.last().spec
	want := filepath.Join(dir, "slaves/m-S0/frameworks/f/executors/t/runs", spec.ID.GetValue())
	require.Equal(t, want, spec.Sandbox)
	require.Equal(t, me.Username, spec.User)
	require.Equal(t, want, spec.Environment["MESOS_SANDBOX"])
	stat, err := os.Stat(want)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o750)|os.ModeDir, stat.Mode())
	target, err := os.Readlink(filepath.Join(filepath.Dir(want), "latest"))
	require.NoError(t, err)
	require.Equal(t, want, target)

	other := filepath.Join(filepath.Dir(want), "next")
	require.NoError(t, makeSandbox(other, ""))
	target, err = os.Readlink(filepath.Join(filepath.Dir(want), "latest"))
	require.NoError(t, err)
	require.Equal(t, other, target)
}

func TestUserOfTheContainer(t *testing.T) {
	for _, c := range []struct {
		framework, command, want string
		keep                     bool
	}{
		{"fw", "", "fw", false},
		{"fw", "cmd", "cmd", false},
		{"fw", "cmd", "", true},
	} {
		r := registered(t, func(cfg *Config) { cfg.NoSwitchUser = c.keep })
		m := r.runTask(commandTask("t"), true)
		m.Framework.User = proto.String(c.framework)
		if c.command != "" {
			m.Task.Command.User = proto.String(c.command)
		}
		r.tell(m)
		require.Equal(t, c.want, r.box.last().spec.User)
	}
}

func TestDurationText(t *testing.T) {
	for d, want := range map[time.Duration]string{
		5 * time.Second: "5secs", 4 * time.Minute: "4mins", 90 * time.Second: "1.5mins", 0: "0ns",
		7 * 24 * time.Hour: "1weeks", 36 * time.Hour: "1.5days", 100 * time.Millisecond: "100ms", 1500 * time.Nanosecond: "1.5us", 2 * time.Hour: "2hrs",
	} {
		require.Equal(t, want, durationText(d))
	}
}

func TestNamesOfGeneratedExecutors(t *testing.T) {
	for want, command := range map[string]*mesosproto.CommandInfo{
		"Command Executor (Task: t) (Command: sh -c 'echo hi; sle...')": {Value: proto.String("echo hi; sleep 1")},
		"Command Executor (Task: t) (Command: sh -c 'exit 3')":          {Value: proto.String("exit 3")},
		"Command Executor (Task: t) (Command: NO COMMAND)":              nil,
		"Command Executor (Task: t) (Command: NO EXECUTABLE)":           {Shell: proto.Bool(false)},
		"Command Executor (Task: t) (Command: [a, b])":                  {Shell: proto.Bool(false), Value: proto.String("a"), Arguments: []string{"b"}},
	} {
		info := commandTask("t")
		info.Command = command
		info.KillPolicy = &mesosproto.KillPolicy{GracePeriod: &mesosproto.DurationInfo{Nanoseconds: proto.Int64(int64(time.Second))}}
		got := commandExecutorInfo(&framework{info: frameworkInfo("f")}, info)
		require.Equal(t, want, got.GetName())
		require.EqualValues(t, 3*time.Second, got.GetShutdownGracePeriod().GetNanoseconds(), "grace + 1s + 1s")
	}
}

// "A task without a limit contributes its request; executor's own request added; any infinite limit wins."
func TestLimitsOfAnExecutor(t *testing.T) {
	ex := &executor{info: executorTask("a", "e").Executor}
	for i, limits := range []map[string]float64{{"mem": 100}, {"cpus": 2}} {
		info := executorTask("t", "e")
		info.Limits = map[string]*mesosproto.Value_Scalar{}
		for name, v := range limits {
			info.Limits[name] = &mesosproto.Value_Scalar{Value: proto.Float64(v)}
		}
		ex.tasks = append(ex.tasks, &task{info: info, seq: uint64(i)})
	}
	require.Equal(t, map[string]float64{"mem": 32 + 100 + 64, "cpus": 0.1 + 0.5 + 2}, ex.limits())
	require.Equal(t, "cpus:1.1; mem:160", ex.liveResources().Unallocate().String())
}
