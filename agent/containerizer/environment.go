package containerizer

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mesokit/mesokit/mesosproto"
)

// DefaultPath is the PATH of containers that were given none.
const DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Environment is the environment of a container whose first process runs on the host: the spec's,
// then MESOS_SANDBOX, then the command's own; each wins over those before it. Of the agent's own
// environment nothing is inherited; PATH is [DefaultPath] if nobody sets it.
//
// A variable of type SECRET takes the bytes of its secret; one that only refers to a secret is an
// error, since nothing here can look it up. Mesos: MesosContainerizerProcess::_launch.
func Environment(spec *Spec, sandbox string) (map[string]string, error) {
	env := map[string]string{"PATH": DefaultPath}
	maps.Copy(env, spec.Variables())
	env["MESOS_SANDBOX"] = sandbox
	if err := Overlay(env, spec.Command.GetEnvironment()); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(env)) { // the same mistake is named each time
		if err := checkVariable(name, env[name]); err != nil {
			return nil, err
		}
	}
	return env, nil
}

// Overlay sets the variables of a CommandInfo in env.
func Overlay(env map[string]string, over *mesosproto.Environment) error {
	for _, v := range over.GetVariables() {
		value := v.GetValue()
		if v.GetType() == mesosproto.Environment_Variable_SECRET {
			if v.GetSecret().GetValue() == nil {
				return fmt.Errorf("environment variable %s refers to secret %q, which this agent can't look up; pass a secret of type VALUE",
					v.GetName(), v.GetSecret().GetReference().GetName())
			}
			value = string(v.GetSecret().GetValue().GetData())
		}
		if err := checkVariable(v.GetName(), value); err != nil {
			return err
		}
		env[v.GetName()] = value
	}
	return nil
}

// Environ writes an environment as NAME=value, sorted by name.
func Environ(env map[string]string) []string {
	list := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		list = append(list, name+"="+env[name])
	}
	return list
}

// checkVariable refuses what execve would truncate or misread. It never shows the value: it may be a
// secret.
func checkVariable(name, value string) error {
	switch {
	case name == "" || strings.ContainsAny(name, "=\x00"):
		return fmt.Errorf("environment variable has the name %q; it must not be empty nor contain = or NUL", name)
	case strings.Contains(value, "\x00"):
		return fmt.Errorf("the value of environment variable %s contains a NUL byte; encode it", name)
	}
	return nil
}
