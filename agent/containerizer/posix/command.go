package posix

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/agent/containerizer/keeper"
	"github.com/mesokit/mesokit/mesosproto"
)

// command says what to start for a container, but for its output.
func (c *Containerizer) command(k *container) (*keeper.Command, error) {
	if !filepath.IsAbs(k.spec.Sandbox) {
		return nil, fmt.Errorf("the sandbox %q must be an absolute path", k.spec.Sandbox)
	}
	env, err := containerizer.Environment(k.spec, k.spec.Sandbox)
	if err != nil {
		return nil, err
	}
	credential, err := credentialOf(k.spec.User)
	if err != nil {
		return nil, err
	}
	cmd := &keeper.Command{Key: k.key, Env: containerizer.Environ(env), Dir: k.spec.Sandbox, Credential: credential, Mark: k.mark}
	cmd.Path, cmd.Args, err = argv(k.spec.Command, env["PATH"], k.spec.Sandbox)
	return cmd, err
}

// markOf is an entry of a container's environment by which its processes are recognised: one that names
// the sandbox, since no two share one. None if the command gives all of these other values.
func markOf(spec *containerizer.Spec) string {
	env, err := containerizer.Environment(spec, spec.Sandbox)
	if err != nil {
		return "" // it is not launched
	}
	for _, name := range []string{"MESOS_SANDBOX", "MESOS_DIRECTORY"} {
		if spec.Sandbox != "" && env[name] == spec.Sandbox {
			return name + "=" + spec.Sandbox
		}
	}
	return ""
}

// argv is the program and the argument vector of a command. In the reference a command without
// arguments gets an empty vector, which few programs survive; here its name is in it.
func argv(command *mesosproto.CommandInfo, path, dir string) (program string, args []string, err error) {
	value := command.GetValue()
	if value == "" {
		return "", nil, errors.New("the command has no value; set it to a shell command, or with shell=false to a program")
	}
	if command.GetShell() {
		program, err = lookUp("sh", path, dir)
		if err != nil {
			program = "/bin/sh" // a PATH without it is no reason to have none
		}
		return program, []string{"sh", "-c", value}, nil
	}
	if args = command.GetArguments(); len(args) == 0 {
		args = []string{value}
	}
	program, err = lookUp(value, path, dir)
	return program, args, err
}

// lookUp finds a program as execvp(3) does, from dir and with the given PATH. What has a slash in it is
// taken as it is.
func lookUp(name, path, dir string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	var found error
	for _, entry := range filepath.SplitList(path) {
		if entry == "" {
			entry = "."
		}
		candidate := entry + "/" + name
		at := candidate
		if !filepath.IsAbs(at) {
			at = filepath.Join(dir, at)
		}
		info, err := os.Stat(at)
		switch {
		case err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0:
			return candidate, nil
		case err == nil && info.Mode().IsRegular():
			found = fmt.Errorf("command %q: %s is not executable; chmod +x it", short(name), short(at))
		}
	}
	if found != nil {
		return "", found
	}
	return "", fmt.Errorf("command %q is in none of the directories of PATH (%s); install it on the agent, give its whole path, or set PATH in the command's environment", short(name), short(path))
}

// start starts a command. What has no format that the kernel knows is a script for sh, as execvp(3) has
// it.
func (c *Containerizer) start(ctx context.Context, cmd *keeper.Command) (keeper.State, error) {
	state, err := c.procs.Start(ctx, cmd)
	if !errors.Is(err, syscall.ENOEXEC) {
		return state, err
	}
	script := *cmd
	script.Path = "/bin/sh"
	script.Args = append([]string{"sh", cmd.Path}, cmd.Args[min(1, len(cmd.Args)):]...)
	return c.procs.Start(ctx, &script)
}

// explain says what can be done about a failed start. The kernel does not say which file an error is
// about, so this looks for itself.
func explain(err error, cmd *keeper.Command, user string) error {
	at := cmd.Path
	if !filepath.IsAbs(at) {
		at = filepath.Join(cmd.Dir, at)
	}
	info, missing := os.Stat(at)
	at = short(at)
	_, noDir := os.Stat(cmd.Dir)
	as := "the agent's user"
	if user != "" {
		as = "user " + user
	}
	why := ""
	switch {
	case errors.Is(err, syscall.ENOENT) && noDir != nil:
		why = fmt.Sprintf("the sandbox %s does not exist; it must before the launch", cmd.Dir)
	case errors.Is(err, syscall.ENOENT) && missing == nil:
		why = fmt.Sprintf("%s exists, but the interpreter in its first line, or the loader it was linked for, does not; install that on the agent", at)
	case errors.Is(err, syscall.ENOENT) && errors.Is(missing, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		why = fmt.Sprintf("there is no %s; install it on the agent or correct the command", at)
	case errors.Is(err, syscall.EACCES) && missing == nil && info.IsDir():
		why = at + " is a directory; name a program"
	case errors.Is(err, syscall.EACCES) && missing == nil && info.Mode()&0o111 == 0:
		why = at + " is not executable; chmod +x it, or set executable on its URI"
	case errors.Is(err, syscall.EACCES):
		why = fmt.Sprintf("%s may not execute %s or enter %s; check the permissions of both and of the directories above them, and for noexec mounts", as, at, cmd.Dir)
	case errors.Is(err, syscall.E2BIG):
		why = "its arguments and environment are longer than the kernel allows; pass data in a file that is fetched as a URI"
	case errors.Is(err, syscall.EPERM):
		why = fmt.Sprintf("the agent may not switch to %s; run it as root, or set switch_user=false", as)
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.ENOMEM):
		why = "the machine has no room for another process; look at its memory, and the limits of processes (ulimit -u, pids.max)"
	case errors.Is(err, syscall.ENOSPC):
		why = "the disk with the agent's runtime directory is full"
	case errors.Is(err, syscall.ETXTBSY):
		why = at + " is open for writing; close it before the launch"
	default:
		return fmt.Errorf("start %s: %w", at, err)
	}
	return fmt.Errorf("start %s: %w: %s", at, err, why)
}

// short keeps an error from repeating all that a peer sent.
func short(s string) string {
	if len(s) <= 300 {
		return s
	}
	return s[:300] + "…"
}
