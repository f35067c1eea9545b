package docker

import (
	"fmt"
	"strings"
)

// remedies says what to do about what the engine says, by a part of it in lower case. The first that
// fits counts, so that what is more particular comes first.
var remedies = []struct{ says, do string }{
	{"no such image", "the image was removed since it was pulled; launch the task again"},
	{"port is already allocated", "another container has this host port; use one of the ports that were offered"},
	{"address already in use", "something on the host has this port; use one of the ports that were offered"},
	{"is already in use by container", "remove that container: docker rm -f"},
	{"no space left on device", "free disk space in Docker's data root (docker info shows it): docker system prune"},
	{"executable file not found", "the image has no such command; for shell commands it needs /bin/sh"},
	{"exec format error", "the image is for another architecture, or the command is a script without #!"},
	{"exec: \"/bin/sh\": stat /bin/sh", "the image has no /bin/sh; set shell to false"},

	{"permission denied while trying to connect", "let the agent's user use the engine's socket: run the agent as root, or add the user to the group docker"},
	{"connect: permission denied", "let the agent's user use the engine's socket: run the agent as root, or add the user to the group docker"},
	{"cannot connect to the docker daemon", "start the engine (systemctl start docker), or name its socket with --docker_socket"},
	{"client version", "the engine is too old or too new for this agent; upgrade the older"},

	{"manifest unknown", "check the image's name and tag; the registry has no such image"},
	{"manifest for", "check the image's name and tag; the registry has no such image"},
	{"repository does not exist", "check the image's name; if it is private, give credentials with --docker_config or a fetched .docker/config.json"},
	{"no basic auth credentials", "give credentials with --docker_config, or fetch a .docker/config.json into the sandbox"},
	{"unauthorized", "give right credentials with --docker_config, or fetch a .docker/config.json into the sandbox"},
	{"access denied", "give right credentials with --docker_config, or fetch a .docker/config.json into the sandbox"},
	{"server gave http response to https client", "add the registry to insecure-registries in the engine's /etc/docker/daemon.json"},
	{"certificate", "put the registry's certificate authority into /etc/docker/certs.d/<registry>/ca.crt on the agent"},
	{"no such host", "check the registry's name, and that the engine can resolve it"},
	{"connection refused", "check that the registry runs and that the engine can reach it"},
	{"i/o timeout", "check that the engine can reach the registry"},
	{"client.timeout exceeded", "check that the engine can reach the registry"},
	{"toomanyrequests", "the registry limits pulls; log in, or use a mirror"},
}

// explain says what was attempted and, if that is known, what to do about the failure.
func explain(attempt string, err error) error {
	if err == nil {
		return nil
	}
	text := strings.ToLower(err.Error())
	for _, r := range remedies {
		if strings.Contains(text, r.says) {
			return fmt.Errorf("%s: %w; %s", attempt, err, r.do)
		}
	}
	return fmt.Errorf("%s: %w", attempt, err)
}

// refusal is an error in the reference's words, which frameworks may know; a remedy follows them.
func refusal(format string, args ...any) error { return fmt.Errorf(format, args...) }
