package masterinfo

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
)

func TestIP(t *testing.T) {
	for name, c := range map[string]struct {
		info *mesosproto.MasterInfo
		want string // "" for none
		fail string
	}{
		"nothing known":               {nil, "", ""},
		"a host name only":            {&mesosproto.MasterInfo{Hostname: proto.String("m"), Ip: proto.Uint32(0)}, "", ""},
		"the number":                  {&mesosproto.MasterInfo{Ip: proto.Uint32(16777226)}, "10.0.0.1", ""},
		"the text goes before it":     {&mesosproto.MasterInfo{Ip: proto.Uint32(16777226), Address: &mesosproto.Address{Ip: proto.String("10.0.0.2")}}, "10.0.0.2", ""},
		"IPv6, which is no number":    {&mesosproto.MasterInfo{Ip: proto.Uint32(0), Address: &mesosproto.Address{Ip: proto.String("fd00::1")}}, "fd00::1", ""},
		"IPv4 written as IPv6":        {&mesosproto.MasterInfo{Address: &mesosproto.Address{Ip: proto.String("::ffff:10.0.0.2")}}, "10.0.0.2", ""},
		"a name instead of a address": {&mesosproto.MasterInfo{Ip: proto.Uint32(1), Address: &mesosproto.Address{Ip: proto.String("m")}}, "", `address.ip is "m"; it must be an IP address`},
	} {
		t.Run(name, func(t *testing.T) {
			ip, err := IP(c.info)
			if c.fail != "" {
				require.EqualError(t, err, c.fail)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want != "", ip.IsValid())
			if c.want != "" {
				require.Equal(t, c.want, ip.String())
			}
		})
	}
}

func TestNumber(t *testing.T) {
	require.EqualValues(t, 16777226, Number(netip.MustParseAddr("10.0.0.1")), "as captured from the reference")
	require.EqualValues(t, 16777226, Number(netip.MustParseAddr("::ffff:10.0.0.1")))
	require.Zero(t, Number(netip.MustParseAddr("::1")))
	require.Zero(t, Number(netip.Addr{}))
}

func TestHostPort(t *testing.T) {
	info := &mesosproto.MasterInfo{
		Hostname: proto.String("m.example"), Ip: proto.Uint32(16777226), Port: proto.Uint32(5050),
		Address: &mesosproto.Address{Ip: proto.String("fd00::1")},
	}
	require.Equal(t, "m.example:5050", HostPort(info))
	info.Hostname = nil
	require.Equal(t, "[fd00::1]:5050", HostPort(info))
	info.Address = nil
	require.Equal(t, "10.0.0.1:5050", HostPort(info))
	require.Empty(t, HostPort(nil))
}
