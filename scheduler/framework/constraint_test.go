package framework

import (
	"testing"

	"github.com/gogo/status"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// on are the racks that instances run on; "-" is an agent without one.
func on(racks ...string) (out []map[string]string) {
	for _, r := range racks {
		f := map[string]string{"hostname": "h"}
		if r != "-" {
			f["rack"] = r
		}
		out = append(out, f)
	}
	return out
}

func TestConstraints(t *testing.T) {
	for _, c := range []struct {
		constraint, rack string
		others           []string
		ok               bool
	}{
		{"rack:UNIQUE", "a", nil, true},
		{"rack:UNIQUE", "a", []string{"b", "-"}, true},
		{"rack:UNIQUE", "a", []string{"b", "a"}, false},
		{"rack:UNIQUE", "-", nil, false},
		{"rack:CLUSTER", "a", nil, true},
		{"rack:CLUSTER", "a", []string{"a", "a"}, true},
		{"rack:CLUSTER", "a", []string{"b"}, false},
		{"rack:CLUSTER:a", "a", []string{"b"}, true},
		{"rack:CLUSTER:a", "b", nil, false},
		{"rack:GROUP_BY", "a", nil, true},
		{"rack:GROUP_BY", "a", []string{"a"}, true},
		{"rack:GROUP_BY", "a", []string{"a", "b"}, true},
		{"rack:GROUP_BY", "a", []string{"a", "a", "b"}, false},
		{"rack:GROUP_BY", "c", []string{"a", "a", "b"}, true},
		{"rack:GROUP_BY:2", "a", []string{"a"}, false},
		{"rack:GROUP_BY:2", "b", []string{"a"}, true},
		{"rack:GROUP_BY:2", "a", []string{"a", "b"}, true},
		{"rack:GROUP_BY:3", "a", []string{"a", "b"}, false},
		{"rack:LIKE:r[0-9]", "r1", nil, true},
		{"rack:LIKE:r[0-9]", "r10", nil, false},
		{"rack:LIKE:a|b", "ab", nil, false},
		{"rack:LIKE:.*", "-", nil, false},
		{"rack:UNLIKE:r[0-9]", "r1", nil, false},
		{"rack:UNLIKE:r[0-9]", "r10", nil, true},
		{"rack:UNLIKE:.*", "-", nil, true},
		{"rack:MAX_PER:2", "a", []string{"a", "b"}, true},
		{"rack:MAX_PER:2", "a", []string{"a", "a"}, false},
		{"rack:IS:a", "a", []string{"a"}, true},
		{"rack:is:a", "b", nil, false},
		{"rack:IS:a", "-", nil, false},
	} {
		why := MustConstraint(c.constraint).refuses(on(c.rack)[0], on(c.others...))
		require.Equal(t, c.ok, why == "", "%+v: %s", c, why)
		if !c.ok {
			require.Contains(t, why, "rack:")
		}
	}
}

func TestConstraintsThatMakeNoSense(t *testing.T) {
	for _, text := range []string{"", "rack", ":UNIQUE", "rack:UNIQUE:a", "rack:NEAR", "rack:MAX_PER", "rack:MAX_PER:0", "rack:GROUP_BY:x", "rack:LIKE", "rack:LIKE:(", "rack:UNLIKE", "rack:IS"} {
		_, err := ParseConstraint(text)
		require.Equal(t, codes.InvalidArgument, status.Code(err), text)
		require.ErrorContains(t, err, "constraint", text)
		require.Panics(t, func() { MustConstraint(text) }, text)
	}
}

func FuzzParseConstraint(f *testing.F) {
	f.Add("rack:GROUP_BY:3")
	f.Add("hostname:LIKE:a:b")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseConstraint(text)
		if err != nil {
			return
		}
		again, err := ParseConstraint(c.String())
		require.NoError(t, err)
		require.Equal(t, c.String(), again.String())
		c.refuses(map[string]string{"a": "b"}, on("a"))
	})
}

func TestWhatConstraintsKnowOfAnAgent(t *testing.T) {
	attributes, err := resources.ParseAttributes("rack:r1;level:3;half:0.5;ports:[1-2,5-6]")
	require.NoError(t, err)
	attributes = append(attributes, &mesosproto.Attribute{
		Name: proto.String("zones"), Type: mesosproto.Value_SET.Enum(), Set: &mesosproto.Value_Set{Item: []string{"a", "b"}}})
	require.Equal(t, map[string]string{
		"hostname": "h", "rack": "r1", "level": "3", "half": "0.5", "zones": "{a,b}", "ports": "[1-2,5-6]", "@region": "eu", "@zone": "z1",
	}, fieldsOf(&mesosproto.Offer{
		Hostname: proto.String("h"), Attributes: attributes,
		Domain: &mesosproto.DomainInfo{FaultDomain: &mesosproto.DomainInfo_FaultDomain{
			Region: &mesosproto.DomainInfo_FaultDomain_RegionInfo{Name: proto.String("eu")},
			Zone:   &mesosproto.DomainInfo_FaultDomain_ZoneInfo{Name: proto.String("z1")},
		}},
	}))
}
