package scheduler

import (
	"testing"

	"github.com/gogo/status"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/mesokit/mesokit/mesosproto"
)

func TestHostPort(t *testing.T) {
	for _, c := range []struct {
		address, host, ip string
		number            uint32 // 127.0.0.1 as the reference writes it: its bytes, little-endian
	}{
		{"127.0.0.1:5050", "127.0.0.1", "127.0.0.1", 16777343},
		{"master@127.0.0.1:5050", "127.0.0.1", "127.0.0.1", 16777343},
		{"master.example:5050", "master.example", "", 0},
		{"[::1]:5050", "::1", "::1", 0},
	} {
		d, err := HostPort(c.address)
		require.NoError(t, err)
		var got *mesosproto.MasterInfo
		d.Detect(func(m *mesosproto.MasterInfo) { got = m })()
		require.Equal(t, c.host, got.GetHostname(), c.address)
		require.Equal(t, c.host, got.GetAddress().GetHostname(), c.address)
		require.Equal(t, c.ip, got.GetAddress().GetIp(), c.address)
		require.EqualValues(t, 5050, got.GetPort())
		require.EqualValues(t, 5050, got.GetAddress().GetPort())
		require.Equal(t, c.number, got.GetIp(), c.address)
	}
}

func TestAddressesThatAreNone(t *testing.T) {
	for _, address := range []string{"", "host", "host:", ":5050", "host:0", "host:65536", "host:-1", "host:http",
		"a:b:c", "::1:5050", "zk://host:2181/mesos", "file:///etc/mesos/zk", "/etc/mesos/zk", "local"} {
		_, err := HostPort(address)
		require.Equal(t, codes.InvalidArgument, status.Code(err), address)
		require.ErrorContains(t, err, "expecting host:port", address)
	}
}

func FuzzHostPort(f *testing.F) {
	for _, s := range []string{"127.0.0.1:5050", "master@h:1", "[::1%eth0]:5050", "zk://x", "a:b:c", "@:1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, address string) {
		info, err := leaderAt(address)
		if err != nil {
			require.Equal(t, codes.InvalidArgument, status.Code(err))
			return
		}
		require.NotEmpty(t, info.GetHostname())
		require.NotZero(t, info.GetPort())
		require.LessOrEqual(t, info.GetPort(), uint32(65535))
	})
}
