package posix

import (
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/mesosproto"
)

func shell(script string) *mesosproto.CommandInfo {
	return &mesosproto.CommandInfo{Value: proto.String(script)}
}

func program(value string, args ...string) *mesosproto.CommandInfo {
	return &mesosproto.CommandInfo{Shell: proto.Bool(false), Value: proto.String(value), Arguments: args}
}

func spec(box, id string) *containerizer.Spec {
	return &containerizer.Spec{ID: &mesosproto.ContainerID{Value: proto.String(id)}, ExecutorID: id, Sandbox: box}
}

func fifo(t testing.TB, path string) *os.File {
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

// line reads what one echo wrote.
func line(t testing.TB, f *os.File) string {
	require.NoError(t, f.SetReadDeadline(time.Now().Add(30*time.Second)))
	var b []byte
	for one := make([]byte, 1); len(b) == 0 || b[len(b)-1] != '\n'; b = append(b, one...) {
		_, err := f.Read(one)
		require.NoError(t, err)
	}
	return string(b)
}

// run runs a command to its end and returns its standard output.
func run(t *testing.T, c *Containerizer, s *containerizer.Spec) (string, containerizer.Termination) {
	_, err := c.Launch(t.Context(), s)
	require.NoError(t, err)
	end, err := c.Wait(t.Context(), s.ID)
	require.NoError(t, err)
	out, err := os.ReadFile(filepath.Join(s.Sandbox, "stdout"))
	require.NoError(t, err)
	require.NoError(t, os.Remove(filepath.Join(s.Sandbox, "stdout")))
	return string(out), end
}

// With shell the value is for sh -c and arguments are ignored; without it the value is a program and
// arguments its whole vector, argv[0] included.
func TestCommands(t *testing.T) {
	c, box := started(t, false)
	require.NoError(t, os.MkdirAll(filepath.Join(box, "bin"), 0o755))
	script := "#!/bin/sh\necho \"script $0 $*\"\n"
	for name, text := range map[string]string{"local": script, "bin/inPath": script, "noShebang": "echo \"bare $0 $*\"\n"} {
		require.NoError(t, os.WriteFile(filepath.Join(box, name), []byte(text), 0o755))
	}
	both := shell("echo $0 $#; pwd")
	both.Arguments = []string{"ignored"}
	relative := program("inPath", "x", "1")
	relative.Environment = &mesosproto.Environment{Variables: []*mesosproto.Environment_Variable{
		{Name: proto.String("PATH"), Value: proto.String("/nowhere:bin:/bin")}}}
	noSh := shell("echo still")
	noSh.Environment = &mesosproto.Environment{Variables: []*mesosproto.Environment_Variable{
		{Name: proto.String("PATH"), Value: proto.String("/nowhere")}}}
	for name, test := range map[string]struct {
		command *mesosproto.CommandInfo
		want    string
	}{
		"shell":                      {both, "sh 0\n" + box + "\n"},
		"shell without sh in PATH":   {noSh, "still\n"},
		"argv[0] is the first":       {program("sh", "any name", "-c", "echo $0", "zero"), "zero\n"},
		"argv[0] shows":              {program("cat", "mycat", "/proc/self/cmdline"), "mycat\x00/proc/self/cmdline\x00"},
		"no arguments":               {program("pwd"), box + "\n"},
		"absolute":                   {program("/bin/echo", "echo", "a  b"), "a  b\n"},
		"relative to the sandbox":    {program("./local", "x", "1", "2"), "script ./local 1 2\n"},
		"relative directory in PATH": {relative, "script bin/inPath 1\n"},
		"no format: a shell script":  {program("./noShebang", "x", "1"), "bare ./noShebang 1\n"},
	} {
		s := spec(box, strings.NewReplacer(" ", "-", "[", "", "]", "", ":", "").Replace(name))
		s.Command = test.command
		out, end := run(t, c, s)
		require.Equal(t, test.want, out, name)
		require.Equal(t, containerizer.Termination{Exited: true}, end, name)
	}
}

// Every failure says what was wrong, with which value, and what to do.
func TestLaunchErrors(t *testing.T) {
	c, box := started(t, false)
	for name, text := range map[string]string{"plain": "text", "noInterpreter": "#!/no/such/interpreter\n"} {
		require.NoError(t, os.WriteFile(filepath.Join(box, name), []byte(text), 0o755))
	}
	require.NoError(t, os.Chmod(filepath.Join(box, "plain"), 0o644))
	mesos := mesosproto.ContainerInfo_MESOS.Enum()
	for name, test := range map[string]struct {
		change func(*containerizer.Spec)
		says   []string
	}{
		"no command":     {func(s *containerizer.Spec) { s.Command = nil }, []string{"no value"}},
		"not in PATH":    {func(s *containerizer.Spec) { s.Command = program("nosuchprogram") }, []string{`"nosuchprogram"`, containerizer.DefaultPath, "install it"}},
		"not executable": {func(s *containerizer.Spec) { s.Command = program("./plain") }, []string{box + "/plain is not executable", "chmod +x"}},
		"no such file":   {func(s *containerizer.Spec) { s.Command = program("bin/none") }, []string{"there is no " + box + "/bin/none"}},
		"no interpreter": {func(s *containerizer.Spec) { s.Command = program("./noInterpreter") }, []string{"interpreter"}},
		"a directory":    {func(s *containerizer.Spec) { s.Command = program("/etc") }, []string{"/etc is a directory"}},
		"through a file": {func(s *containerizer.Spec) { s.Command = program("/etc/passwd/x") }, []string{"there is no /etc/passwd/x"}},
		"too long":       {func(s *containerizer.Spec) { s.Command = program("true", "true", strings.Repeat("x", 3<<20)) }, []string{"longer than the kernel allows"}},
		"much too long":  {func(s *containerizer.Spec) { s.Command = program("true", "true", strings.Repeat("x", 5<<20)) }, []string{"longer than the kernel allows"}},
		"no sandbox":     {func(s *containerizer.Spec) { s.Sandbox = "/no/such/sandbox" }, []string{"/no/such/sandbox", "must exist"}},
		"no such user":   {func(s *containerizer.Spec) { s.User = "nosuchuser" }, []string{`"nosuchuser"`, "create it"}},
		"an image": {func(s *containerizer.Spec) {
			s.Container = &mesosproto.ContainerInfo{Type: mesos, Mesos: &mesosproto.ContainerInfo_MesosInfo{Image: &mesosproto.Image{}}}
		}, []string{"image", "type DOCKER"}},
		"a volume": {func(s *containerizer.Spec) {
			s.Container = &mesosproto.ContainerInfo{Type: mesos, Volumes: []*mesosproto.Volume{{ContainerPath: proto.String("/data")}}}
		}, []string{`"/data"`, "persistent volume"}},
		"a terminal": {func(s *containerizer.Spec) {
			s.Container = &mesosproto.ContainerInfo{Type: mesos, TtyInfo: &mesosproto.TTYInfo{}}
		}, []string{"tty_info"}},
		"a network": {func(s *containerizer.Spec) {
			s.Container = &mesosproto.ContainerInfo{Type: mesos, NetworkInfos: []*mesosproto.NetworkInfo{{Name: proto.String("weave")}}}
		}, []string{"network", "host's"}},
		"relative sandbox": {func(s *containerizer.Spec) { s.Sandbox = "here" }, []string{`"here"`, "absolute"}},
		"a long name":      {func(s *containerizer.Spec) { s.Command = program(strings.Repeat("x", 1<<20)) }, []string{"xxx…", "PATH"}},
		"a long path":      {func(s *containerizer.Spec) { s.Command = program("/" + strings.Repeat("x", 1<<20)) }, []string{"xxx…", "too long"}},
		"an id as path":    {func(s *containerizer.Spec) { s.ID.Value = proto.String("../x") }, []string{`"../x"`}},
		"stdout elsewhere": {func(s *containerizer.Spec) { require.NoError(t, os.Symlink("/tmp/elsewhere", box+"/stdout")) }, []string{"stdout", "not a regular file"}},
	} {
		s := spec(box, strings.ReplaceAll(name, " ", "-"))
		s.Command = program("true")
		test.change(s)
		_, err := c.Launch(t.Context(), s)
		os.Remove(box + "/stdout")
		for _, says := range test.says {
			require.ErrorContains(t, err, says, name)
		}
		require.Less(t, len(err.Error()), 1000, "%s: an error does not repeat what was too long", name)
	}
	fresh, err := New(Config{})
	require.NoError(t, err)
	_, err = fresh.Launch(t.Context(), spec(box, "early"))
	require.ErrorContains(t, err, "Recover must be called")
}

func TestUsersHaveTheirGroups(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can switch users")
	}
	var u *user.User
	for _, name := range []string{"www-data", "daemon", "bin", "nobody"} {
		if found, err := user.Lookup(name); err == nil {
			u = found
			break
		}
	}
	if u == nil {
		t.Skip("this machine has none of the usual users")
	}
	groups, err := u.GroupIds()
	require.NoError(t, err)
	for _, outlives := range []bool{true, false} {
		c, box := started(t, outlives)
		for dir := box; dir != "/" && dir != os.TempDir(); dir = filepath.Dir(dir) {
			require.NoError(t, os.Chmod(dir, 0o755))
		}
		uid, err := strconv.Atoi(u.Uid)
		require.NoError(t, err)
		require.NoError(t, os.Chown(box, uid, -1))
		s := spec(box, "c")
		s.User = u.Username
		s.Command = shell("id -u; id -g; id -G; echo more >>stdout; echo x >mine")
		out, end := run(t, c, s)
		require.Equal(t, u.Uid+"\n"+u.Gid+"\n"+strings.Join(groups, " ")+"\nmore\n", out, "it owns its output")
		require.True(t, end.Exited && end.WaitStatus == 0, "%+v", end)

		s = spec(box, "d")
		s.User = u.Username
		require.NoError(t, os.Chmod(box, 0o700))
		require.NoError(t, os.Chown(box, 0, 0))
		s.Command = program("true")
		_, err = c.Launch(t.Context(), s)
		require.ErrorContains(t, err, "user "+u.Username+" may not execute /")
	}
}

// A command may give MESOS_SANDBOX any value; its daemons are found nevertheless.
func TestDaemonsOfACommandThatChangesItsEnvironment(t *testing.T) {
	for _, outlives := range []bool{true, false} {
		c, box := started(t, outlives)
		alive := filepath.Join(box, "alive")
		require.NoError(t, syscall.Mkfifo(alive, 0o600))
		s := spec(box, "c")
		s.Environment = map[string]string{"MESOS_DIRECTORY": box}
		s.Command = shell("exec 9<>alive; (setsid sleep 100000 &); exit 2")
		s.Command.Environment = &mesosproto.Environment{Variables: []*mesosproto.Environment_Variable{
			{Name: proto.String("MESOS_SANDBOX"), Value: proto.String("/mine")}}}
		_, end := run(t, c, s)
		require.Equal(t, 2, end.WaitStatus.ExitStatus())
		_, err := syscall.Open(alive, syscall.O_WRONLY|syscall.O_NONBLOCK, 0)
		require.ErrorIs(t, err, syscall.ENXIO, "nobody has it open")
	}
}

func TestNestedContainersEndWithTheirRoot(t *testing.T) {
	for name, end := range map[string]func(*Containerizer, *containerizer.Spec) error{
		"destroyed": func(c *Containerizer, s *containerizer.Spec) error {
			_, err := c.Destroy(t.Context(), s.ID)
			return err
		},
		"exits": func(c *Containerizer, s *containerizer.Spec) error {
			return c.Signal(t.Context(), s.ID, syscall.SIGTERM)
		},
	} {
		c, box := started(t, true)
		root, nested, other := spec(box, "root"), spec(box, "nested"), spec(box, "rootless")
		nested.ID.Parent = root.ID
		nested.Sandbox, other.Sandbox = filepath.Join(box, "nested"), filepath.Join(box, "other")
		require.NoError(t, os.Mkdir(nested.Sandbox, 0o755))
		require.NoError(t, os.Mkdir(other.Sandbox, 0o755))
		for _, s := range []*containerizer.Spec{root, nested, other} {
			s.Command = program("sleep", "sleep", "100000")
			_, err := c.Launch(t.Context(), s)
			require.NoError(t, err)
		}
		require.NoError(t, end(c, root))
		for _, s := range []*containerizer.Spec{root, nested} {
			end, err := c.Wait(t.Context(), s.ID)
			require.NoError(t, err)
			require.True(t, end.WaitStatus.Signaled(), "%s: %+v", name, end)
		}
		_, err := c.Status(t.Context(), other.ID)
		require.NoError(t, err, "a like name is no kinship")
		_, err = c.Destroy(t.Context(), other.ID)
		require.NoError(t, err)
	}
}

func TestConfigIsChecked(t *testing.T) {
	for says, cfg := range map[string]Config{
		"RuntimeDir":     {RuntimeDir: "relative"},
		"WorkDir":        {WorkDir: "relative"},
		"KeeperIdleTime": {KeeperIdleTime: -1},
		"HelperPath":     {HelperPath: "/bin/helper"},
	} {
		_, err := New(cfg)
		require.ErrorContains(t, err, says)
	}
	c, _ := started(t, false)
	require.ErrorContains(t, c.Recover(t.Context(), nil), "Recover was called before")
}
