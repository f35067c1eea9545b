package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/image"
	"go.uber.org/zap"

	"github.com/mesokit/mesokit/agent/containerizer"
)

// pullKey is what makes two pulls one.
type pullKey struct{ image, platform, credentials string }

// pull is a pull under way. It ends when nobody waits for it any more.
type pull struct {
	waiting int // guarded by Containerizer.mu
	cancel  context.CancelFunc
	done    chan struct{}
	err     error // set before done is closed
}

// Pull makes the image available: one that is not on this host is pulled from its registry, and with
// force_pull_image every one. Without a tag or digest the tag is latest. Those who want the same image
// at the same time share one pull.
//
// Credentials come from the sandbox (.docker/config.json or .dockercfg, which were fetched into it),
// else from Config.Credentials, else from Config.ClientConfig.
func (c *Containerizer) Pull(ctx context.Context, spec *containerizer.Spec) error {
	docker := spec.Container.GetDocker()
	if !supports(spec) || docker.GetImage() == "" {
		return nil
	}
	name := docker.GetImage()
	if !docker.GetForcePullImage() {
		_, err := c.api.ImageInspect(ctx, name)
		if err == nil {
			return nil
		}
		if !errdefs.IsNotFound(err) && !errdefs.IsInvalidArgument(err) {
			return explain("inspect image "+name, err)
		}
	}
	named, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return fmt.Errorf("image %q: %w; write [registry/]name[:tag] or name@digest", name, err)
	}
	auth, err := c.credentials(ctx, spec.Sandbox, reference.Domain(named))
	if err != nil {
		return fmt.Errorf("pull image %s: %w", name, err)
	}
	key := pullKey{image: reference.TagNameOnly(named).String(), credentials: auth}
	for _, p := range docker.GetParameters() {
		if p.GetKey() == "platform" {
			key.platform = p.GetValue()
		}
	}
	return explain("pull image "+name, c.share(ctx, key))
}

// share waits for the pull of key, which it begins if there is none.
func (c *Containerizer) share(ctx context.Context, key pullKey) error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return errClosed
	}
	p := c.pulls[key]
	if p == nil {
		pulling, cancel := context.WithCancel(c.ctx)
		p = &pull{cancel: cancel, done: make(chan struct{})}
		c.pulls[key] = p
		c.wg.Go(func() { c.fetch(pulling, key, p) })
	}
	p.waiting++
	c.mu.Unlock()

	var err error
	select {
	case <-p.done:
		err = p.err
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.waiting--; p.waiting == 0 {
		p.cancel()
		c.forgetLocked(key, p)
	}
	return err
}

func (c *Containerizer) forgetLocked(key pullKey, p *pull) {
	if c.pulls[key] == p {
		delete(c.pulls, key)
	}
}

func (c *Containerizer) fetch(ctx context.Context, key pullKey, p *pull) {
	began := time.Now()
	log := c.log.With(zap.String("image", key.image))
	log.Info("pulling image")
	r, err := c.api.ImagePull(ctx, key.image, image.PullOptions{RegistryAuth: key.credentials, Platform: key.platform})
	if err == nil {
		err = readPull(r)
		r.Close()
	}
	if err != nil {
		log.Warn("image can't be pulled", zap.Error(err), zap.Duration("after", time.Since(began)))
	} else {
		log.Info("image pulled", zap.Duration("in", time.Since(began)))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forgetLocked(key, p)
	p.err = err
	close(p.done)
}

// maxPullMessage is how long one message of a pull's progress may be.
const maxPullMessage = 1 << 20

// readPull reads the progress of a pull until it ends: a stream of JSON objects, one of which tells of
// a failure.
func readPull(r io.Reader) error {
	limited := &io.LimitedReader{R: r}
	d := json.NewDecoder(limited)
	for {
		limited.N = maxPullMessage
		var m struct {
			Error       string `json:"error"`
			ErrorDetail struct {
				Message string `json:"message"`
			} `json:"errorDetail"`
		}
		err := d.Decode(&m)
		switch {
		case limited.N == 0 && err != nil:
			return fmt.Errorf("the engine sent a message of more than %d bytes about the pull", maxPullMessage)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("the pull broke off: %w; try again", err)
		case m.ErrorDetail.Message != "":
			return errors.New(m.ErrorDetail.Message)
		case m.Error != "":
			return errors.New(m.Error)
		}
	}
}
