package e2e

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// engineSocket is where the Docker Engine of this machine is.
const engineSocket = "/var/run/docker.sock"

// engine talks to it as curl would: the tests need little of its API.
var engine = struct {
	client *http.Client
	once   sync.Once
	why    string // there is none, or no image

	mu    sync.Mutex
	count int
	tags  []string
}{client: &http.Client{Transport: &http.Transport{
	DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", engineSocket)
	},
}}}

// text is an answer that is taken as it is.
type text []byte

// call makes a request of the engine, with a name for each argument, and decodes the answer into result
// unless that is nil.
func call(method, path string, arguments map[string]string, body io.Reader, result any) error {
	values := url.Values{}
	for k, v := range arguments {
		values.Set(k, v)
	}
	request, err := http.NewRequest(method, "http://engine"+path+"?"+values.Encode(), body)
	if err != nil {
		return err
	}
	answer, err := engine.client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	switch {
	case err != nil:
		return err
	case answer.StatusCode >= 300:
		return fmt.Errorf("%s %s: %s: %s", method, path, answer.Status, b)
	case result != nil:
		if raw, ok := result.(*text); ok {
			*raw = b
			return nil
		}
		return json.Unmarshal(b, result)
	case bytes.Contains(b, []byte(`"errorDetail"`)): // in the progress of an import
		return fmt.Errorf("%s %s: %s", method, path, b)
	}
	return nil
}

// testImage is an image under a name that nobody else uses. Its containers run until they are told to
// stop. Without an engine the test is skipped, or fails if MESOKIT_REQUIRE names docker.
func testImage(t *testing.T) string {
	t.Helper()
	engine.once.Do(func() {
		if err := call("GET", "/_ping", nil, nil, nil); err != nil {
			engine.why = err.Error()
		}
	})
	name := ""
	if engine.why == "" {
		var err error
		if name, err = importBusybox(); err != nil {
			engine.why = err.Error()
		}
	}
	switch {
	case engine.why == "":
	case slices.Contains(strings.Split(os.Getenv("MESOKIT_REQUIRE"), ","), "docker"):
		t.Fatalf("MESOKIT_REQUIRE=docker, but: %s", engine.why)
	default:
		t.Skip("needs a Docker Engine: " + engine.why)
	}
	return name
}

// importBusybox makes an image out of Debian's busybox-static.
func importBusybox() (string, error) {
	const busybox = "/bin/busybox"
	program, err := os.ReadFile(busybox)
	if err != nil {
		return "", fmt.Errorf("the test image is made of %s (package busybox-static): %w", busybox, err)
	}
	applets, err := exec.Command(busybox, "--list").Output()
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	write := func(h *tar.Header, content []byte) {
		h.Size = int64(len(content))
		if err == nil {
			err = w.WriteHeader(h)
		}
		if err == nil {
			_, err = w.Write(content)
		}
	}
	write(&tar.Header{Name: "bin/busybox", Typeflag: tar.TypeReg, Mode: 0o755}, program)
	for applet := range strings.FieldsSeq(string(applets)) {
		if applet != "busybox" {
			write(&tar.Header{Name: "bin/" + applet, Typeflag: tar.TypeSymlink, Linkname: "busybox", Mode: 0o777}, nil)
		}
	}
	write(&tar.Header{Name: "etc/passwd", Typeflag: tar.TypeReg, Mode: 0o644}, []byte("root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n"))
	write(&tar.Header{Name: "tmp/", Typeflag: tar.TypeDir, Mode: 0o1777}, nil)
	if err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	engine.mu.Lock()
	defer engine.mu.Unlock()
	engine.count++
	repository, tag := "mesokit-e2e-test", fmt.Sprintf("%d-%d", os.Getpid(), engine.count)
	engine.tags = append(engine.tags, repository+":"+tag)
	return repository + ":" + tag, call("POST", "/images/create", map[string]string{
		"fromSrc": "-", "repo": repository, "tag": tag,
		"changes": `CMD ["sh","-c","echo from the image; trap 'exit 0' TERM; while :; do sleep 1 & wait; done"]`,
	}, &b, nil)
}

// removeImages removes what the tests imported.
func removeImages() {
	for _, name := range engine.tags {
		_ = call("DELETE", "/images/"+name, map[string]string{"force": "1"}, nil, nil)
	}
}

// container is what the engine's list says of one.
type container struct {
	ID     string `json:"Id"`
	Image  string
	Labels map[string]string
}

// containersOf are the running containers of an image, or those that there are of it in any state.
func containersOf(t *testing.T, image, all string) []container {
	t.Helper()
	var list []container
	require.NoError(t, call("GET", "/containers/json", map[string]string{"all": all}, nil, &list))
	return slices.DeleteFunc(list, func(c container) bool { return c.Image != image })
}

func remove(t *testing.T, c container) {
	t.Helper()
	require.NoError(t, call("DELETE", "/containers/"+c.ID, map[string]string{"force": "1"}, nil, nil))
}

// sweep removes, when the test is over, what it leaves of an image.
func sweep(t *testing.T, image string) {
	t.Cleanup(func() {
		for _, c := range containersOf(t, image, "1") {
			remove(t, c)
		}
	})
}
