package docker

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/docker/docker/api/types/registry"
	"github.com/stretchr/testify/require"
)

func credentialsOf(t *testing.T, config, domain string) (registry.AuthConfig, error) {
	t.Helper()
	f, err := parseClientFile([]byte(config))
	if err != nil {
		return registry.AuthConfig{}, err
	}
	text, err := f.encode(t.Context(), domain)
	if err != nil || text == "" {
		return registry.AuthConfig{}, err
	}
	b, err := base64.URLEncoding.DecodeString(text)
	require.NoError(t, err)
	var a registry.AuthConfig
	require.NoError(t, json.Unmarshal(b, &a))
	return a, nil
}

func TestCredentials(t *testing.T) {
	both := `{"auths":{"https://index.docker.io/v1/":{"auth":"dXNlcjpwYXNz"},"https://reg.example:5000/v2/":{"username":"u","password":"p"},
		"reg.example":{"identitytoken":"t"}},"HttpHeaders":{"User-Agent":"x"},"credHelpers":{}}`
	for _, c := range []struct {
		config, domain string
		want           registry.AuthConfig
	}{
		{both, "docker.io", registry.AuthConfig{Username: "user", Password: "pass", ServerAddress: hub}},
		{both, "reg.example:5000", registry.AuthConfig{Username: "u", Password: "p", ServerAddress: "reg.example:5000"}},
		{both, "reg.example", registry.AuthConfig{IdentityToken: "t", ServerAddress: "reg.example"}},
		{both, "other.example", registry.AuthConfig{}},
		{`{"docker.io":{"auth":"dXNlcjpwOmE6czo="}}`, "docker.io", registry.AuthConfig{Username: "user", Password: "p:a:s:", ServerAddress: hub}},
		{`{"HttpHeaders":{"User-Agent":"x"},"detachKeys":"ctrl-e"}`, "docker.io", registry.AuthConfig{}},
		{`{}`, "docker.io", registry.AuthConfig{}},
	} {
		got, err := credentialsOf(t, c.config, c.domain)
		require.NoError(t, err, c.config)
		require.Equal(t, c.want, got, "%s for %s", c.config, c.domain)
	}
	for config, want := range map[string]string{
		`[]`:                                     "not what docker login writes",
		`{"auths":{"r.example":{"auth":"%"}}}`:   "the auth of registry r.example is not base64 of user:password",
		`{"auths":[]}`:                           "not what docker login writes",
		`{"credsStore":"../../bin/sh"}`:          `credential helper "../../bin/sh" has no name`,
		`{"credsStore":"no-such-helper"}`:        "docker-credential-no-such-helper get for r.example",
		`"` + strings.Repeat("x", maxClientFile): "larger than",
	} {
		_, err := credentialsOf(t, config, "r.example")
		require.ErrorContains(t, err, want, config)
	}
}

func TestCredentialHelper(t *testing.T) {
	dir := t.TempDir()
	helper := `#!/bin/sh
read server
case $server in
token.example) echo '{"Username":"<token>","Secret":"tt"}' ;;
none.example) echo 'credentials not found in native keychain'; exit 1 ;;
*) echo '{"ServerURL":"'$server'","Username":"u","Secret":"s"}' ;;
esac
`
	require.NoError(t, os.WriteFile(filepath.Join(dir, "docker-credential-test"), []byte(helper), 0o755))
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	for domain, want := range map[string]registry.AuthConfig{
		"reg.example":   {Username: "u", Password: "s", ServerAddress: "reg.example"},
		"token.example": {IdentityToken: "tt", ServerAddress: "token.example"},
		"none.example":  {},
	} {
		for _, config := range []string{`{"credsStore":"test"}`, fmt.Sprintf(`{"credHelpers":{"%s":"test"}}`, domain)} {
			got, err := credentialsOf(t, config, domain)
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
	}

	// What was fetched into a sandbox runs no programs on the agent.
	c, err := New(Config{WorkDir: "/w", ClientConfig: "/nonexistent"})
	require.NoError(t, err)
	sandbox := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(sandbox, ".dockercfg"), []byte(`{"credsStore":"test"}`), 0o644))
	got, err := c.credentials(t.Context(), sandbox, "reg.example")
	require.NoError(t, err)
	require.Empty(t, got)
}

// Neither links out of the sandbox nor what would block is read.
func TestSandboxCredentialsAreNotTrusted(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "config.json")
	require.NoError(t, os.WriteFile(secret, []byte(`{"auths":{}}`), 0o600))
	sandbox := t.TempDir()
	require.NoError(t, os.Symlink(secret, filepath.Join(sandbox, ".dockercfg")))
	_, err := sandboxClientFile(sandbox)
	require.ErrorContains(t, err, ".dockercfg")

	sandbox = t.TempDir()
	require.NoError(t, syscall.Mkfifo(filepath.Join(sandbox, ".dockercfg"), 0o600))
	_, err = sandboxClientFile(sandbox)
	require.ErrorContains(t, err, "not a regular file")
}

func FuzzClientFile(f *testing.F) {
	f.Add([]byte(`{"auths":{"https://index.docker.io/v1/":{"auth":"dXNlcjpwYXNz"}}}`), "docker.io")
	f.Add([]byte(`{"docker.io":{"auth":"dXNlcjpwOmE6czo="}}`), "docker.io")
	f.Fuzz(func(t *testing.T, b []byte, domain string) {
		file, err := parseClientFile(b)
		if err != nil {
			return
		}
		file.CredHelpers, file.CredsStore = nil, ""
		_, _ = file.encode(t.Context(), domain)
	})
}
