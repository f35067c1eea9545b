package containerizer

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
)

func variable(name, value string) *mesosproto.Environment_Variable {
	return &mesosproto.Environment_Variable{Name: proto.String(name), Value: proto.String(value)}
}

func secret(name string, s *mesosproto.Secret) *mesosproto.Environment_Variable {
	return &mesosproto.Environment_Variable{Name: proto.String(name), Type: mesosproto.Environment_Variable_SECRET.Enum(), Secret: s}
}

func command(vars ...*mesosproto.Environment_Variable) *mesosproto.CommandInfo {
	return &mesosproto.CommandInfo{Environment: &mesosproto.Environment{Variables: vars}}
}

// Later wins: agent-passed environment, MESOS_SANDBOX, CommandInfo variables; PATH has a default.
func TestEnvironmentOrder(t *testing.T) {
	t.Setenv("FROM_THE_AGENT", "must not be inherited")
	for name, c := range map[string]struct {
		spec Spec
		want map[string]string
	}{
		"nothing given": {Spec{}, map[string]string{"PATH": DefaultPath, "MESOS_SANDBOX": "/box"}},
		"the spec's, with its own PATH": {
			Spec{Environment: map[string]string{"A": "1", "PATH": "/p", "MESOS_SANDBOX": "/wrong"}},
			map[string]string{"A": "1", "PATH": "/p", "MESOS_SANDBOX": "/box"}},
		"the command's wins": {
			Spec{Environment: map[string]string{"A": "1", "B": "1"}, Command: command(variable("A", "2"), variable("MESOS_SANDBOX", "/mine"))},
			map[string]string{"A": "2", "B": "1", "PATH": DefaultPath, "MESOS_SANDBOX": "/mine"}},
		"the last of two wins": {
			Spec{Command: command(variable("A", "1"), variable("A", "2"))},
			map[string]string{"A": "2", "PATH": DefaultPath, "MESOS_SANDBOX": "/box"}},
		"a secret's value": {
			Spec{Command: command(secret("S", &mesosproto.Secret{Value: &mesosproto.Secret_Value{Data: []byte("hush")}}))},
			map[string]string{"S": "hush", "PATH": DefaultPath, "MESOS_SANDBOX": "/box"}},
	} {
		got, err := Environment(&c.spec, "/box")
		require.NoError(t, err, name)
		require.Equal(t, c.want, got, name)
	}
}

func TestEnvironmentRefusesWhatExecWouldMisread(t *testing.T) {
	for name, c := range map[string]struct {
		spec Spec
		says string
	}{
		"empty name":       {Spec{Command: command(variable("", "x"))}, "must not be empty"},
		"equals sign":      {Spec{Environment: map[string]string{"A=B": "x"}}, `"A=B"`},
		"NUL in the value": {Spec{Command: command(variable("A", "x\x00y"))}, "variable A contains a NUL"},
		"secret reference": {Spec{Command: command(secret("S", &mesosproto.Secret{
			Reference: &mesosproto.Secret_Reference{Name: proto.String("vault/db")}}))}, `refers to secret "vault/db"`},
	} {
		_, err := Environment(&c.spec, "/box")
		require.ErrorContains(t, err, c.says, name)
	}
}

func TestEnvironIsSorted(t *testing.T) {
	require.Equal(t, []string{"A=1", "B=", "C=3"}, Environ(map[string]string{"C": "3", "A": "1", "B": ""}))
}
