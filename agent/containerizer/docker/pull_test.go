package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/registry"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/containerizer"
)

// testRegistry is Debian's docker-registry behind a proxy that counts and can hold requests up.
type testRegistry struct {
	*rig
	address string // host:port of the proxy
	pulls   atomic.Int64
	hold    atomic.Pointer[chan struct{}] // pulls wait for it
}

// The only user: bcrypt of se:cret.
const htpasswd = "tester:$2a$04$gCk90PJkm.aLLmn2KhJwdeR4GBwi4/cHuYPgPIEQmmw7GC8xsS0Si\n"

// newRegistry starts a registry with repository app, tag latest and v1, which is the test image.
func newRegistry(r *rig, authenticated bool) *testRegistry {
	r.Helper()
	program, err := exec.LookPath("docker-registry")
	if err != nil {
		missing(r, "no docker-registry (Debian's package of that name)")
	}
	reg := &testRegistry{rig: r}
	port := freePort(r.T)
	dir := r.TempDir()
	config := fmt.Sprintf("version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: %s}, delete: {enabled: true}}\nhttp: {addr: \"127.0.0.1:%d\"}\n", dir, port)
	if authenticated {
		require.NoError(r, os.WriteFile(dir+"/htpasswd", []byte(htpasswd), 0o600))
		config += fmt.Sprintf("auth: {htpasswd: {realm: test, path: %s/htpasswd}}\n", dir)
	}
	require.NoError(r, os.WriteFile(dir+"/config.yml", []byte(config), 0o600))
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, "serve", dir+"/config.yml")
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	require.NoError(r, cmd.Start())
	r.Cleanup(func() {
		stop()
		_ = cmd.Wait()
		if r.Failed() {
			r.Log(log.String())
		}
	})
	backend, err := url.Parse(fmt.Sprintf("http://127.0.0.1:%d", port))
	require.NoError(r, err)
	forward := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
		p.SetURL(backend)
		p.Out.Host = p.In.Host
	}}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method == http.MethodHead && strings.Contains(req.URL.Path, "/manifests/") { // the first of a pull
			reg.pulls.Add(1)
			if hold := reg.hold.Load(); hold != nil {
				<-*hold
			}
		}
		forward.ServeHTTP(w, req)
	}))
	r.Cleanup(front.Close)
	reg.address = strings.TrimPrefix(front.URL, "http://")
	require.Eventually(r, func() bool {
		answer, err := http.Get(backend.String() + "/v2/")
		if err != nil {
			return false
		}
		answer.Body.Close()
		return true
	}, 20*time.Second, 10*time.Millisecond)
	for _, tag := range []string{"latest", "v1"} {
		reg.push("app:" + tag)
	}
	reg.pulls.Store(0)
	return reg
}

// name of an image in the registry. What the engine has of it is removed when the test ends.
func (reg *testRegistry) name(rest string) string {
	name := reg.address + "/" + rest
	reg.Cleanup(func() {
		_, _ = reg.api.ImageRemove(context.Background(), name, image.RemoveOptions{Force: true})
	})
	return name
}

func (reg *testRegistry) push(rest string) {
	reg.Helper()
	name := reg.name(rest)
	require.NoError(reg, reg.api.ImageTag(reg.ctx, testImage, name))
	auth, err := registry.EncodeAuthConfig(registry.AuthConfig{Username: "tester", Password: "se:cret"})
	require.NoError(reg, err)
	answer, err := reg.api.ImagePush(reg.ctx, name, image.PushOptions{RegistryAuth: auth})
	require.NoError(reg, err)
	defer answer.Close()
	require.NoError(reg, readPull(answer))
	reg.forget(name)
}

func (reg *testRegistry) forget(name string) {
	reg.Helper()
	_, err := reg.api.ImageRemove(reg.ctx, name, image.RemoveOptions{Force: true})
	require.NoError(reg, err)
}

func (reg *testRegistry) has(name string) bool {
	_, err := reg.api.ImageInspect(reg.ctx, name)
	return err == nil
}

func (reg *testRegistry) task(name string, change ...func(*containerizer.Spec)) *containerizer.Spec {
	return reg.rig.task("echo pulled", append([]func(*containerizer.Spec){none, func(s *containerizer.Spec) { s.Container.Docker.Image = &name }}, change...)...)
}

func force(s *containerizer.Spec) { s.Container.Docker.ForcePullImage = proto.Bool(true) }

func TestPull(t *testing.T) {
	r := newRig(t)
	reg := newRegistry(r, false)
	name := reg.name("app")
	spec := reg.task(name)
	require.NoError(t, r.Pull(r.ctx, spec))
	require.True(t, reg.has(name+":latest"), "without a tag it is latest")
	require.Equal(t, "pulled\n", r.output(spec))
	require.EqualValues(t, 1, reg.pulls.Load())

	require.NoError(t, r.Pull(r.ctx, reg.task(name)))
	require.EqualValues(t, 1, reg.pulls.Load(), "an image that is there is not asked for")
	require.NoError(t, r.Pull(r.ctx, reg.task(name, force)))
	require.EqualValues(t, 2, reg.pulls.Load(), "unless the task wants that")

	is, err := r.api.ImageInspect(r.ctx, name)
	require.NoError(t, err)
	byDigest := is.RepoDigests[0]
	require.Contains(t, byDigest, "@sha256:")
	reg.forget(name)
	require.NoError(t, r.Pull(r.ctx, reg.task(byDigest)))
	require.True(t, reg.has(byDigest))
	reg.name(strings.TrimPrefix(byDigest, reg.address+"/"))
	require.NoError(t, r.Pull(r.ctx, reg.task(is.ID)), "an id names an image that is there")

	for want, image := range map[string]string{
		"check the image's name and tag": reg.name("app:no-such-tag"),
		"write [registry/]name[:tag]":    "UPPER CASE",
		"check that the registry runs":   fmt.Sprintf("127.0.0.1:%d/app", freePort(t)),
	} {
		err := r.Pull(r.ctx, reg.task(image))
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, image)
	}
	require.NoError(t, r.Pull(r.ctx, &containerizer.Spec{}), "a container of another kind has no image")
}

func TestPullWithCredentials(t *testing.T) {
	r := newRig(t, func(cfg *Config) { cfg.ClientConfig = "/nonexistent" })
	reg := newRegistry(r, true)
	name := reg.name("app:v1")
	err := r.Pull(r.ctx, reg.task(name))
	require.ErrorContains(t, err, "no basic auth credentials; give credentials with --docker_config")

	const encoded = "dGVzdGVyOnNlOmNyZXQ=" // tester:se:cret
	good := fmt.Sprintf(`{"auths":{"http://%s/v2/":{"auth":"%s"}}}`, reg.address, encoded)
	bad := fmt.Sprintf(`{"auths":{"%s":{"username":"tester","password":"wrong"}}}`, reg.address)
	into := func(file, content string) func(*containerizer.Spec) {
		return func(s *containerizer.Spec) {
			path := filepath.Join(s.Sandbox, file)
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
			require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
		}
	}
	pulled := func(spec *containerizer.Spec) {
		t.Helper()
		require.NoError(t, r.Pull(r.ctx, spec))
		require.True(t, reg.has(name))
		reg.forget(name)
	}
	pulled(reg.task(name, into(".docker/config.json", good)))
	pulled(reg.task(name, into(".dockercfg", fmt.Sprintf(`{"%s":{"auth":"%s","email":"x"}}`, reg.address, encoded))))

	r.cfg.Credentials = []byte(good)
	r.restart()
	pulled(reg.task(name))
	require.ErrorContains(t, r.Pull(r.ctx, reg.task(name, into(".docker/config.json", bad))), "give right credentials", "the sandbox's come first")

	r.cfg.Credentials, r.cfg.ClientConfig = nil, filepath.Join(t.TempDir(), "config.json")
	require.NoError(t, os.WriteFile(r.cfg.ClientConfig, []byte(good), 0o600))
	r.restart()
	pulled(reg.task(name))
}

// Ten tasks that need the same image make one request; the pull goes on as long as one of them waits.
func TestPullsAreShared(t *testing.T) {
	r := newRig(t)
	reg := newRegistry(r, false)
	name := reg.name("app:v1")
	hold := make(chan struct{})
	reg.hold.Store(&hold)
	impatient, giveUp := context.WithCancelCause(r.ctx)
	errs := make(chan error, 10)
	var wg sync.WaitGroup
	for i := range cap(errs) {
		spec := reg.task(name)
		ctx := r.ctx
		if i%2 == 0 {
			ctx = impatient
		}
		wg.Go(func() { errs <- r.Pull(ctx, spec) })
	}
	waiting := func() int {
		r.mu.Lock()
		defer r.mu.Unlock()
		n := 0
		for _, p := range r.pulls {
			n += p.waiting
		}
		return n
	}
	require.Eventually(t, func() bool { return waiting() == cap(errs) }, 20*time.Second, time.Millisecond)
	why := errors.New("killed")
	giveUp(why)
	require.Eventually(t, func() bool { return waiting() == cap(errs)/2 }, 20*time.Second, time.Millisecond)
	close(hold)
	wg.Wait()
	close(errs)
	gaveUp := 0
	for err := range errs {
		if err != nil {
			require.ErrorIs(t, err, why)
			gaveUp++
		}
	}
	require.Equal(t, 5, gaveUp)
	require.EqualValues(t, 1, reg.pulls.Load())
	require.True(t, reg.has(name))
	require.Empty(t, r.pulls)

	// When nobody waits any more the pull ends.
	reg.forget(name)
	stuck := make(chan struct{})
	reg.hold.Store(&stuck)
	defer close(stuck)
	ctx, cancel := context.WithCancel(r.ctx)
	last := make(chan error, 1)
	go func() { last <- r.Pull(ctx, reg.task(name)) }()
	require.Eventually(t, func() bool { return reg.pulls.Load() == 2 }, 20*time.Second, time.Millisecond)
	cancel()
	require.ErrorIs(t, <-last, context.Canceled)
	require.Zero(t, waiting())
}

func TestReadPull(t *testing.T) {
	for stream, want := range map[string]string{
		`{"status":"Pulling"}` + "\r\n" + `{"status":"Done","progressDetail":{}}`:  "",
		`{"status":"x"}{"errorDetail":{"message":"manifest unknown"},"error":"m"}`: "manifest unknown",
		`{"error":"only this"}`: "only this",
		`{"status":`:            "the pull broke off",
		`<html>`:                "the pull broke off",
		`{"status":"` + strings.Repeat("x", maxPullMessage) + `"}`: "a message of more than",
		"": "",
	} {
		err := readPull(strings.NewReader(stream))
		if want == "" {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, want)
		}
	}
	many := strings.Repeat(`{"status":"`+strings.Repeat("x", 1000)+`"}`, 3*maxPullMessage/1000)
	require.NoError(t, readPull(strings.NewReader(many)), "only single messages are bounded")
}

func FuzzReadPull(f *testing.F) {
	f.Add([]byte(`{"status":"x"}{"errorDetail":{"message":"m"},"error":"m"}`))
	f.Fuzz(func(t *testing.T, b []byte) { _ = readPull(bytes.NewReader(b)) })
}
