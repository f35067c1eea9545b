package fetcher_test

import (
	"context"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"

	"github.com/mesokit/mesokit/agent/fetcher"
	"github.com/mesokit/mesokit/mesosproto"
)

func uri(t *testing.T, value, more string) *mesosproto.CommandInfo_URI {
	u := &mesosproto.CommandInfo_URI{}
	require.NoError(t, prototext.Unmarshal([]byte(more+` value: "x"`), u))
	u.Value = &value
	return u
}

func serve(t *testing.T) string {
	mux := http.NewServeMux()
	mux.HandleFunc("/dir/program", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("#!/bin/sh\necho " + r.URL.RawQuery)) })
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/dir/program", http.StatusFound) })
	mux.HandleFunc("/cut", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		w.Write([]byte("short"))
	})
	mux.HandleFunc("/stalls", func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte("a little"))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

func TestWhatIsFetchedAndWhereItGoes(t *testing.T) {
	base, local := serve(t), filepath.Join(t.TempDir(), "local")
	require.NoError(t, os.WriteFile(local, []byte("local"), 0o600))
	for _, c := range []struct {
		value, more, name, content string
		mode                       fs.FileMode
	}{
		{base + "/dir/program", "", "program", "#!/bin/sh\necho ", 0o644},
		{"  " + base + "/dir/program", "executable: true", "program", "#!/bin/sh\necho ", 0o755},
		{base + "/dir/program?v=1", "", "program?v=1", "#!/bin/sh\necho v=1", 0o644},
		{base + "/moved", "", "moved", "#!/bin/sh\necho ", 0o644},
		{base + "/moved", `output_file: "a/b/c" cache: true`, "a/b/c", "#!/bin/sh\necho ", 0o644},
		{local, "", "local", "local", 0o644},
		{"file://" + local, "executable: true", "local", "local", 0o755},
		{"file://localhost" + local, "", "local", "local", 0o644},
		{local, `extract: false output_file: "x.tar.gz"`, "x.tar.gz", "local", 0o644},
	} {
		sandbox := t.TempDir()
		require.NoError(t, new(fetcher.Fetcher).Fetch(t.Context(), []*mesosproto.CommandInfo_URI{uri(t, c.value, c.more)}, sandbox, ""), c.value)
		b, err := os.ReadFile(filepath.Join(sandbox, c.name))
		require.NoError(t, err, c.value)
		require.Equal(t, c.content, string(b), c.value)
		info, err := os.Stat(filepath.Join(sandbox, c.name))
		require.NoError(t, err)
		require.Equal(t, c.mode, info.Mode(), c.value)
	}
}

func TestWhatIsRefused(t *testing.T) {
	base := serve(t)
	for _, c := range []struct{ value, more, want string }{
		{base + "/nothing", "", "404"},
		{base + "/cut", "", "unexpected EOF"},
		{base, "", "missing path"},
		{base + "/", "", "missing path"},
		{base + "/a'b", "", "illegal characters"},
		{"relative/file", "", "absolute"},
		{"file://relative", "", "missing path"},
		{"file://other/file", "", "absolute"},
		{"/nothing/here", "", "no such file"},
		{"/tmp", "", "not a regular file"},
		{"hdfs://namenode/file", "", "not supported"},
		{base + "/x.tar.gz", "", "extract to false"},
		{"/etc/hostname", `output_file: "../escape"`, "below the sandbox"},
		{"/etc/hostname", `output_file: "/etc/escape"`, "below the sandbox"},
		{"/etc/hostname", `output_file: ""`, "below the sandbox"},
		{"/etc/hostname", `output_file: "."`, "below the sandbox"},
	} {
		sandbox := t.TempDir()
		err := new(fetcher.Fetcher).Fetch(t.Context(), []*mesosproto.CommandInfo_URI{uri(t, c.value, c.more)}, sandbox, "")
		require.ErrorContains(t, err, c.want, c.value)
		require.ErrorContains(t, err, c.value)
	}
}

func TestALinkInTheSandboxDoesNotLeadOutside(t *testing.T) {
	sandbox, outside := t.TempDir(), t.TempDir()
	require.NoError(t, os.Symlink(outside, filepath.Join(sandbox, "link")))
	err := new(fetcher.Fetcher).Fetch(t.Context(), []*mesosproto.CommandInfo_URI{uri(t, "/etc/hostname", `output_file: "link/file"`)}, sandbox, "")
	require.Error(t, err)
	entries, err := os.ReadDir(outside)
	require.NoError(t, err)
	require.Empty(t, entries)
}

func TestADownloadThatStallsIsGivenUp(t *testing.T) {
	f := &fetcher.Fetcher{StallTimeout: 50 * time.Millisecond}
	err := f.Fetch(t.Context(), []*mesosproto.CommandInfo_URI{uri(t, serve(t)+"/stalls", "")}, t.TempDir(), "")
	require.ErrorContains(t, err, "nothing came for 50ms")
}

func TestFetchEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := new(fetcher.Fetcher).Fetch(ctx, []*mesosproto.CommandInfo_URI{uri(t, serve(t)+"/stalls", "")}, t.TempDir(), "")
	require.ErrorIs(t, err, context.Canceled)
}

func TestFilesBelongToTheUser(t *testing.T) {
	err := new(fetcher.Fetcher).Fetch(t.Context(), []*mesosproto.CommandInfo_URI{uri(t, "/etc/hostname", "")}, t.TempDir(), "no-such-user-here")
	if os.Geteuid() == 0 {
		require.ErrorContains(t, err, `no such user "no-such-user-here"`)
	} else {
		require.NoError(t, err, "an agent that is not root runs everything as itself")
	}
}
