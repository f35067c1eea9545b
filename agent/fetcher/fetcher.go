package fetcher

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/user"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/mesokit/mesokit/mesosproto"
)

// DefaultStallTimeout is --fetcher_stall_timeout.
const DefaultStallTimeout = time.Minute

// Fetcher fetches. Its zero value works; methods may be called concurrently.
type Fetcher struct {
	// StallTimeout ends a download that has brought nothing for so long. Default 1 minute.
	StallTimeout time.Duration
	// Client downloads. Default: http.DefaultTransport, which heeds the proxy variables.
	Client *http.Client
}

// Fetch brings every URI into sandbox, one after the other, and gives the files to user (if it is not
// empty and the agent is root). The first failure ends it; the error names the URI and what to do.
func (f *Fetcher) Fetch(ctx context.Context, uris []*mesosproto.CommandInfo_URI, sandbox, user string) error {
	if len(uris) == 0 {
		return nil
	}
	root, err := os.OpenRoot(sandbox)
	if err != nil {
		return fmt.Errorf("open the sandbox: %w", err)
	}
	defer root.Close()
	uid, gid, err := owner(user)
	if err != nil {
		return err
	}
	for _, uri := range uris {
		if err := f.fetch(ctx, uri, root, uid, gid); err != nil {
			return fmt.Errorf("fetch %q: %w", uri.GetValue(), err)
		}
	}
	return nil
}

// owner looks a user up; -1 means that files stay the agent's.
func owner(name string) (uid, gid int, err error) {
	if name == "" || os.Geteuid() != 0 {
		return -1, -1, nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		return 0, 0, fmt.Errorf("no such user %q on this agent: create it, or launch as another user", name)
	}
	uid, errU := strconv.Atoi(u.Uid)
	gid, errG := strconv.Atoi(u.Gid)
	return uid, gid, errors.Join(errU, errG)
}

func (f *Fetcher) fetch(ctx context.Context, uri *mesosproto.CommandInfo_URI, root *os.Root, uid, gid int) error {
	source := strings.TrimLeft(uri.GetValue(), " \t\r\n")
	name, err := target(uri, source)
	if err != nil {
		return err
	}
	if !uri.GetExecutable() && uri.GetExtract() && isArchive(name) {
		return fmt.Errorf("archives are not unpacked: set extract to false and unpack it in the command")
	}
	if dir := path.Dir(name); dir != "." {
		if err := makeDirs(root, dir, uid, gid); err != nil {
			return err
		}
	}
	body, err := f.open(ctx, source)
	if err != nil {
		return err
	}
	defer body.Close()
	mode := fs.FileMode(0o644)
	if uri.GetExecutable() {
		mode = 0o755
	}
	// A file that is there already, an executable that runs perhaps, is replaced and not written into.
	if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, body)
	if err == nil {
		err = file.Chmod(mode) // whatever the umask
	}
	if err == nil && uid >= 0 {
		err = file.Chown(uid, gid)
	}
	return errors.Join(err, file.Close())
}

// target is the file's name in the sandbox.
func target(uri *mesosproto.CommandInfo_URI, source string) (string, error) {
	if out := uri.GetOutputFile(); uri.OutputFile != nil {
		if out == "" || strings.HasPrefix(out, "/") || !fs.ValidPath(path.Clean(out)) || path.Clean(out) == "." {
			return "", fmt.Errorf("output_file %q must be a file below the sandbox: give a relative path without \"..\"", out)
		}
		return path.Clean(out), nil
	}
	rest := source
	if scheme, after, ok := strings.Cut(source, "://"); ok && len(scheme) > 1 {
		slash := strings.Index(after, "/")
		if slash < 0 || slash == len(after)-1 {
			return "", fmt.Errorf("malformed URI (missing path)")
		}
		rest = after
	}
	name := rest[strings.LastIndex(rest, "/")+1:]
	if strings.ContainsAny(name, "\\'\x00") {
		return "", fmt.Errorf("illegal characters in URI")
	}
	if name == "" || name == "." || name == ".." {
		return "", fmt.Errorf("the URI names no file: set output_file")
	}
	return name, nil
}

func isArchive(name string) bool {
	for _, suffix := range []string{".tar", ".tgz", ".tar.gz", ".tbz2", ".tar.bz2", ".txz", ".tar.xz", ".zip", ".gz"} {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}

// makeDirs makes dir and what is above it, giving what it makes to the owner.
func makeDirs(root *os.Root, dir string, uid, gid int) error {
	for i := 0; i <= len(dir); i++ {
		if i < len(dir) && dir[i] != '/' {
			continue
		}
		switch err := root.Mkdir(dir[:i], 0o755); {
		case errors.Is(err, fs.ErrExist):
		case err != nil:
			return err
		case uid >= 0:
			if err := root.Chown(dir[:i], uid, gid); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *Fetcher) open(ctx context.Context, source string) (io.ReadCloser, error) {
	scheme, rest, ok := strings.Cut(source, "://")
	switch {
	case !ok:
		if !strings.HasPrefix(source, "/") {
			return nil, fmt.Errorf("a relative path has no meaning here: give an absolute one, or a URI")
		}
		return openFile(source)
	case scheme == "file":
		p := "/" + strings.TrimPrefix(strings.TrimPrefix(rest, "localhost"), "/")
		if rest == "" || rest[0] != '/' && !strings.HasPrefix(rest, "localhost/") {
			return nil, fmt.Errorf("a file URI must be absolute: file:///path")
		}
		return openFile(p)
	case scheme == "http" || scheme == "https":
		return f.download(ctx, source)
	}
	return nil, fmt.Errorf("scheme %q is not supported: use http, https or file", scheme)
}

func openFile(name string) (io.ReadCloser, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("%w; it must be a file of the agent's machine that the agent may read", err)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", name)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

func (f *Fetcher) download(ctx context.Context, source string) (io.ReadCloser, error) {
	if _, err := url.Parse(source); err != nil {
		return nil, fmt.Errorf("malformed URI: %w", err)
	}
	stall := f.StallTimeout
	if stall <= 0 {
		stall = DefaultStallTimeout
	}
	client := f.Client
	if client == nil {
		client = http.DefaultClient
	}
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(stall, func() { cancel(fmt.Errorf("nothing came for %v", stall)) })
	fail := func(err error) error {
		timer.Stop()
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		cancel(nil)
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, source, nil)
	if err != nil {
		return nil, fail(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fail(err)
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, fail(fmt.Errorf("the server answered %s", resp.Status))
	}
	return &watched{body: resp.Body, timer: timer, stall: stall, fail: fail}, nil
}

// watched is a body whose stall timer starts anew with each read that brings something.
type watched struct {
	body  io.ReadCloser
	timer *time.Timer
	stall time.Duration
	fail  func(error) error
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.body.Read(p)
	if n > 0 {
		w.timer.Reset(w.stall)
	}
	if err != nil && err != io.EOF {
		err = w.fail(err)
	}
	return n, err
}

func (w *watched) Close() error {
	w.fail(nil)
	return w.body.Close()
}
