package daemon

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
)

func flags() (*pflag.FlagSet, *string, *bool, *time.Duration) {
	f := pflag.NewFlagSet("test", pflag.ContinueOnError)
	return f, f.String("work_dir", "", ""), f.Bool("quiet", true, ""), DurationFlag(f, "timeout", time.Minute, "")
}

func TestFlagsAsMesosHasThem(t *testing.T) {
	file := filepath.Join(t.TempDir(), "value")
	require.NoError(t, os.WriteFile(file, []byte("from file\n"), 0o600))
	for _, c := range []struct {
		name        string
		args        []string
		environment []string
		dir         string
		quiet       bool
		timeout     time.Duration
		rest        []string
	}{
		{"defaults", nil, nil, "", true, time.Minute, []string{}},
		{"name=value", []string{"--work_dir=/x", "--timeout=10secs"}, nil, "/x", true, 10 * time.Second, []string{}},
		{"name value", []string{"--work_dir", "/x", "arg"}, nil, "/x", true, time.Minute, []string{"arg"}},
		{"no-", []string{"--no-quiet"}, nil, "", false, time.Minute, []string{}},
		{"false", []string{"--quiet=false"}, nil, "", false, time.Minute, []string{}},
		{"upper case", []string{"--WORK_DIR=/X"}, nil, "/X", true, time.Minute, []string{}},
		{"environment", nil, []string{"MESOS_WORK_DIR=/e", "MESOS_NO_SUCH_FLAG=1", "HOME=/"}, "/e", true, time.Minute, []string{}},
		{"the command line wins", []string{"--work_dir=/x"}, []string{"MESOS_WORK_DIR=/e"}, "/x", true, time.Minute, []string{}},
		{"file", []string{"--work_dir=file://" + file}, nil, "from file", true, time.Minute, []string{}},
		{"after --", []string{"--", "--work_dir=/x"}, nil, "", true, time.Minute, []string{"--work_dir=/x"}},
	} {
		f, dir, quiet, timeout := flags()
		args, err := Arguments(f, c.args, c.environment)
		require.NoError(t, err, c.name)
		require.NoError(t, f.Parse(args), c.name)
		require.Equal(t, c.dir, *dir, c.name)
		require.Equal(t, c.quiet, *quiet, c.name)
		require.Equal(t, c.timeout, *timeout, c.name)
		require.Equal(t, c.rest, f.Args(), c.name)
	}
}

func TestBadFlags(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--nosuch=1"}, "unknown flag --nosuch"},
		{[]string{"--no-work_dir"}, "unknown flag --no-work_dir"},
		{[]string{"--work_dir"}, "needs a value"},
		{[]string{"--work_dir=a", "--work_dir=b"}, "given twice"},
		{[]string{"--work_dir=file:///no/such/file"}, "no such file"},
	} {
		f, _, _, _ := flags()
		_, err := Arguments(f, c.args, nil)
		require.ErrorContains(t, err, c.want)
	}
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"10secs": 10 * time.Second, "1.5mins": 90 * time.Second, "2weeks": 14 * 24 * time.Hour, "500ms": 500 * time.Millisecond,
		"3us": 3 * time.Microsecond, "7ns": 7, "1m30s": 90 * time.Second, "6hrs": 6 * time.Hour, "2days": 48 * time.Hour,
	} {
		var d Duration
		require.NoError(t, d.Set(text), text)
		require.Equal(t, want, time.Duration(d), text)
	}
	for _, text := range []string{"", "10", "secs", "x", "1e300weeks"} {
		require.Error(t, new(Duration).Set(text), text)
	}
	for want, v := range map[string]time.Duration{"10mins": 10 * time.Minute, "90secs": 90 * time.Second, "1weeks": 7 * 24 * time.Hour, "0ns": 0} {
		d := Duration(v)
		require.Equal(t, want, d.String())
	}
}

func TestListen(t *testing.T) {
	a := &Address{IP: "127.0.0.1"}
	l, told, err := a.Listen()
	require.NoError(t, err)
	defer l.Close()
	require.Equal(t, l.Addr().String(), told.String())
	require.Equal(t, "127.0.0.1", a.Hostname)
	_, _, err = (&Address{IP: "127.0.0.1", Port: int(told.Port())}).Listen()
	require.ErrorContains(t, err, "choose another --port")
	for _, bad := range []Address{{IP: "::1"}, {IP: "x"}, {IP: "127.0.0.1", Port: 70000}, {IP: "127.0.0.1", AdvertiseIP: "nope"}} {
		_, _, err := bad.Listen()
		require.ErrorContains(t, err, "flag --", bad)
	}
}
