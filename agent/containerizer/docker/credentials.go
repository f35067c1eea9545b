package docker

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"

	"github.com/docker/docker/api/types/registry"
)

// clientFile is the docker program's config.json, as far as it is about registries. Of the older
// .dockercfg only Auths is set.
type clientFile struct {
	Auths       map[string]auth   `json:"auths"`
	CredHelpers map[string]string `json:"credHelpers"`
	CredsStore  string            `json:"credsStore"`
}

type auth struct {
	Auth          string `json:"auth"` // base64 of user:password
	Username      string `json:"username"`
	Password      string `json:"password"`
	IdentityToken string `json:"identitytoken"`
	RegistryToken string `json:"registrytoken"`
}

const (
	maxClientFile = 1 << 20
	maxHelper     = 64 << 10
	// hub is how credentials for docker.io are filed.
	hub = "https://index.docker.io/v1/"
)

// credentials are those for a registry, encoded as the engine wants them; empty if there are none. The
// first configuration that exists counts, even if it has none for this registry.
//
// The sandbox's is not trusted: it is not followed out of the sandbox, and names no program to run.
func (c *Containerizer) credentials(ctx context.Context, sandbox, domain string) (string, error) {
	f, err := sandboxClientFile(sandbox)
	if err != nil {
		return "", err
	}
	if f != nil {
		f.CredHelpers, f.CredsStore = nil, ""
		return f.encode(ctx, domain)
	}
	if len(c.cfg.Credentials) > 0 {
		if f, err = parseClientFile(c.cfg.Credentials); err != nil {
			return "", fmt.Errorf("--docker_config: %w", err)
		}
		return f.encode(ctx, domain)
	}
	if c.cfg.ClientConfig == "" {
		return "", nil
	}
	b, err := os.ReadFile(c.cfg.ClientConfig)
	if err != nil { // it need not be there, nor be this user's to read
		return "", nil
	}
	if f, err = parseClientFile(b); err != nil {
		return "", fmt.Errorf("%s: %w", c.cfg.ClientConfig, err)
	}
	return f.encode(ctx, domain)
}

// sandboxClientFile is nil if the sandbox has none.
func sandboxClientFile(sandbox string) (*clientFile, error) {
	root, err := os.OpenRoot(sandbox)
	if err != nil {
		return nil, nil // the launch will say so
	}
	defer root.Close()
	for _, name := range []string{".docker/config.json", ".dockercfg"} {
		f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read %s of the sandbox: %w", name, err)
		}
		defer f.Close()
		if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
			return nil, fmt.Errorf("%s of the sandbox is not a regular file", name)
		}
		b, err := io.ReadAll(io.LimitReader(f, maxClientFile+1))
		if err != nil {
			return nil, err
		}
		parsed, err := parseClientFile(b)
		if err != nil {
			return nil, fmt.Errorf("%s of the sandbox: %w", name, err)
		}
		return parsed, nil
	}
	return nil, nil
}

// parseClientFile reads both forms of the configuration.
func parseClientFile(b []byte) (*clientFile, error) {
	if len(b) > maxClientFile {
		return nil, fmt.Errorf("it is larger than %d bytes", maxClientFile)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(b, &fields); err != nil {
		return nil, fmt.Errorf("it is not what docker login writes: %w", err)
	}
	var f clientFile
	_, auths := fields["auths"]
	_, helpers := fields["credHelpers"]
	_, store := fields["credsStore"]
	into := any(&f.Auths)
	if auths || helpers || store || len(fields) == 0 {
		into = &f
	} else {
		for registry, value := range fields { // a config.json without credentials has other fields
			if !strings.HasPrefix(strings.TrimSpace(string(value)), "{") || !strings.ContainsAny(registry, ".:/") && registry != "localhost" {
				delete(fields, registry)
			}
		}
		b, _ = json.Marshal(fields)
	}
	if err := json.Unmarshal(b, into); err != nil {
		return nil, fmt.Errorf("it is not what docker login writes: %w", err)
	}
	return &f, nil
}

func (f *clientFile) encode(ctx context.Context, domain string) (string, error) {
	a, err := f.find(ctx, domain)
	if err != nil || a == (registry.AuthConfig{}) {
		return "", err
	}
	if a.ServerAddress = domain; domain == "docker.io" {
		a.ServerAddress = hub
	}
	return registry.EncodeAuthConfig(a)
}

// find looks in the order of the docker program: a helper for this registry, the general store, the
// file itself.
func (f *clientFile) find(ctx context.Context, domain string) (registry.AuthConfig, error) {
	server := domain
	if domain == "docker.io" {
		server = hub
	}
	if helper := f.CredHelpers[server]; helper != "" {
		return ask(ctx, helper, server)
	}
	if f.CredsStore != "" {
		if a, err := ask(ctx, f.CredsStore, server); err != nil || a != (registry.AuthConfig{}) {
			return a, err
		}
	}
	for _, exact := range []bool{true, false} {
		for filed, a := range f.Auths {
			if filed == server || !exact && host(filed) == host(server) {
				return a.config(filed)
			}
		}
	}
	return registry.AuthConfig{}, nil
}

// host is a registry's name without the scheme and path under which credentials may be filed.
func host(filed string) string {
	filed = strings.TrimPrefix(strings.TrimPrefix(filed, "https://"), "http://")
	name, _, _ := strings.Cut(filed, "/")
	if name == "docker.io" || name == "registry-1.docker.io" {
		return "index.docker.io"
	}
	return name
}

func (a auth) config(filed string) (registry.AuthConfig, error) {
	out := registry.AuthConfig{Username: a.Username, Password: a.Password, IdentityToken: a.IdentityToken, RegistryToken: a.RegistryToken}
	if a.Auth == "" {
		return out, nil
	}
	b, err := base64.StdEncoding.DecodeString(a.Auth)
	user, password, ok := strings.Cut(strings.TrimRight(string(b), "\x00"), ":")
	if err != nil || !ok {
		return out, fmt.Errorf("the auth of registry %s is not base64 of user:password; use docker login", filed)
	}
	out.Username, out.Password = user, password
	return out, nil
}

var helperName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// ask runs a credential helper of the docker program, which the agent's operator has configured.
func ask(ctx context.Context, helper, server string) (registry.AuthConfig, error) {
	if !helperName.MatchString(helper) {
		return registry.AuthConfig{}, fmt.Errorf("credential helper %q has no name that docker would look for", helper)
	}
	program := "docker-credential-" + helper
	cmd := exec.CommandContext(ctx, program, "get")
	cmd.Stdin = strings.NewReader(server)
	out := &bounded{max: maxHelper}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		if strings.Contains(out.String(), "credentials not found") {
			return registry.AuthConfig{}, nil
		}
		return registry.AuthConfig{}, fmt.Errorf("%s get for %s: %w: %s", program, server, err, strings.TrimSpace(out.String()))
	}
	var answer struct{ Username, Secret string }
	if err := json.Unmarshal(out.Bytes(), &answer); err != nil {
		return registry.AuthConfig{}, fmt.Errorf("%s get for %s answers no JSON", program, server)
	}
	if answer.Username == "<token>" {
		return registry.AuthConfig{IdentityToken: answer.Secret}, nil
	}
	return registry.AuthConfig{Username: answer.Username, Password: answer.Secret}, nil
}

// bounded keeps the first max bytes that are written to it, and drops the rest.
type bounded struct {
	bytes.Buffer
	max int
}

func (b *bounded) Write(p []byte) (int, error) {
	b.Buffer.Write(p[:min(len(p), b.max-b.Len())])
	return len(p), nil
}
