package goldentest

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	engine "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/agent/containerizer/docker"
)

// Docker tasks: finished, failed, checked for health and killed, and one whose image does not exist.
func TestDocker(t *testing.T) {
	t.Parallel()
	api, made := importImage(t)
	play(t, "v1-docker", func(dir string) ([]containerizer.Containerizer, error) {
		d, err := docker.New(docker.Config{WorkDir: dir, RemoveDelay: -1})
		if err != nil {
			return nil, err
		}
		t.Cleanup(func() { sweep(t, api, dir) })
		t.Cleanup(func() { require.NoError(t, d.Close()) })
		return []containerizer.Containerizer{d}, nil
	}, [2]string{"busybox:local", made}, [2]string{"busybox:nosuch", "127.0.0.1:1/busybox:nosuch"})
}

// importImage makes an image of busybox. Without an engine the test is skipped, or fails if
// MESOKIT_REQUIRE names docker.
func importImage(t *testing.T) (*client.Client, string) {
	name := fmt.Sprintf("mesokit-golden-test:%d", os.Getpid())
	api, err := client.NewClientWithOpts(client.WithHost("unix://"+docker.DefaultHost), client.WithAPIVersionNegotiation())
	require.NoError(t, err)
	t.Cleanup(func() { api.Close() })
	if err := tryImport(t.Context(), api, name); err != nil {
		if slices.Contains(strings.Split(os.Getenv("MESOKIT_REQUIRE"), ","), "docker") {
			t.Fatalf("MESOKIT_REQUIRE=docker, but: %v", err)
		}
		t.Skip("needs a Docker Engine and busybox-static: ", err)
	}
	t.Cleanup(func() {
		_, err := api.ImageRemove(context.Background(), name, image.RemoveOptions{Force: true})
		require.NoError(t, err)
	})
	return api, name
}

func tryImport(ctx context.Context, api *client.Client, name string) error {
	if _, err := api.Ping(ctx); err != nil {
		return err
	}
	busybox, err := os.ReadFile("/bin/busybox")
	if err != nil {
		return err
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: "bin/busybox", Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(busybox))}); err != nil {
		return err
	}
	if _, err := w.Write(busybox); err != nil {
		return err
	}
	for _, applet := range []string{"sh", "sleep", "touch", "test", "echo", "true", "cat", "ls"} {
		if err := w.WriteHeader(&tar.Header{Name: "bin/" + applet, Typeflag: tar.TypeSymlink, Linkname: "busybox"}); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	r, err := api.ImageImport(ctx, image.ImportSource{Source: &b, SourceName: "-"}, name, image.ImportOptions{})
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(io.Discard, r)
	return err
}

// sweep removes what is left of an agent's containers.
func sweep(t *testing.T, api *client.Client, dir string) {
	ctx := context.Background()
	list, err := api.ContainerList(ctx, engine.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", "mesokit.work_dir="+dir))})
	require.NoError(t, err)
	for _, c := range list { // it may be gone by now: the containerizer removes what has ended
		_ = api.ContainerRemove(ctx, c.ID, engine.RemoveOptions{Force: true})
	}
}
