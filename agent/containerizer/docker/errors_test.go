package docker

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// What engines and registries have been seen to say, and what a person should do.
func TestRemedies(t *testing.T) {
	for says, do := range map[string]string{
		`Error response from daemon: failed to create shim: write /var/lib/docker/x: no space left on device`:                                                                            "docker system prune",
		`Error response from daemon: driver failed programming external connectivity on endpoint x: Error starting userland proxy: listen tcp4 0.0.0.0:80: bind: address already in use`: "use one of the ports that were offered",
		`OCI runtime create failed: exec: "/bin/sh": stat /bin/sh: no such file or directory: unknown`:                                                                                   "set shell to false",
		`OCI runtime create failed: exec: "x": executable file not found in $PATH: unknown`:                                                                                              "the image has no such command",
		`exec /app: exec format error`: "another architecture",
		`permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock`:                                  "run the agent as root",
		`Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?`:                                     "systemctl start docker",
		`Error response from daemon: manifest for busybox:nosuch not found: manifest unknown: manifest unknown`:                                 "check the image's name and tag",
		`pull access denied for private/app, repository does not exist or may require 'docker login'`:                                           "give credentials with --docker_config",
		`Get "https://10.0.0.1:5000/v2/": http: server gave HTTP response to HTTPS client`:                                                      "insecure-registries",
		`Get "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io on 192.0.2.53:53: no such host`:                          "check the registry's name",
		`Get "https://r.example/v2/": tls: failed to verify certificate: x509: certificate signed by unknown authority`:                         "/etc/docker/certs.d",
		`toomanyrequests: You have reached your pull rate limit`:                                                                                "use a mirror",
		`Get "https://r.example/v2/": net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)`: "check that the engine can reach the registry",
	} {
		cause := errors.New(says)
		err := explain("launch", cause)
		require.ErrorIs(t, err, cause)
		require.ErrorContains(t, err, "launch: "+says+"; ")
		require.ErrorContains(t, err, do)
	}
	require.EqualError(t, explain("launch", errors.New("something new")), "launch: something new")
	require.NoError(t, explain("launch", nil))
}
