package libprocess

import (
	"context"
	"errors"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseUPID(t *testing.T) {
	for _, row := range []struct {
		text string
		want UPID
	}{
		{"master@10.0.0.1:5050", UPID{"master", [4]byte{10, 0, 0, 1}, 5050}},
		{"slave(1)@127.0.0.1:65535", UPID{"slave(1)", [4]byte{127, 0, 0, 1}, 65535}},
		{"@10.0.0.1:5050", UPID{"", [4]byte{10, 0, 0, 1}, 5050}},
		{"a b@10.0.0.1:1", UPID{"a b", [4]byte{10, 0, 0, 1}, 1}},
		{"@0.0.0.0:0", NoPID},
		{"", NoPID},
		{"master", NoPID},
		{"master@", NoPID},
		{"master@10.0.0.1", NoPID},
		{"master@10.0.0.1:", NoPID},
		{"master@10.0.0.1:65536", NoPID},
		{"master@10.0.0.1:-1", NoPID},
		{"master@10.0.0.1:+1", NoPID},
		{"master@10.0.0.1:0x50", NoPID},
		{"master@10.0.0.1:5050 ", NoPID},
		{"master@10.0.0.1:5050:1", NoPID},
		{"master@10.0.0:5050", NoPID},
		{"master@10.0.0.256:5050", NoPID},
		{"master@localhost:5050", NoPID},
		{"master@::1:5050", NoPID},
		{"master@[::1]:5050", NoPID},
		{"a@b@10.0.0.1:5050", NoPID},
	} {
		require.Equal(t, row.want, ParseUPID(row.text), "%q", row.text)
		if row.want != NoPID {
			require.Equal(t, row.text, row.want.String())
		}
	}
}

func TestEmptyUPIDPrintsAsTheReferenceDoes(t *testing.T) {
	require.Equal(t, "@0.0.0.0:0", NoPID.String())
	require.Equal(t, "0.0.0.0:0", NoPID.Addr().String())
}

func TestNewUPIDTakesIPv4Only(t *testing.T) {
	want := UPID{"master", [4]byte{10, 0, 0, 1}, 5050}
	require.Equal(t, want, NewUPID("master", netip.MustParseAddrPort("10.0.0.1:5050")))
	require.Equal(t, want, NewUPID("master", netip.MustParseAddrPort("[::ffff:10.0.0.1]:5050")))
	require.Equal(t, NoPID, NewUPID("master", netip.MustParseAddrPort("[::1]:5050")))
	require.Equal(t, NoPID, NewUPID("master", netip.AddrPort{}))
}

func TestValidNeedsIDAndAddress(t *testing.T) {
	require.True(t, ParseUPID("a@1.2.3.4:5").Valid())
	for _, text := range []string{"@1.2.3.4:5", "a@0.0.0.0:5", "a@1.2.3.4:0", ""} {
		require.False(t, ParseUPID(text).Valid(), "%q", text)
	}
}

func FuzzParseUPID(f *testing.F) {
	for _, text := range []string{"master@10.0.0.1:5050", "@0.0.0.0:0", "a@b:c", "@", ":", "slave(1)@1.2.3.4:05"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u := ParseUPID(text)
		require.Equal(t, u, ParseUPID(u.String()), "printing %q and reading it back", text)
	})
}

type fakeResolver map[string][]netip.Addr

func (r fakeResolver) LookupNetIP(_ context.Context, network, host string) ([]netip.Addr, error) {
	if network != "ip4" || r[host] == nil {
		return nil, errors.New("no such host")
	}
	return r[host], nil
}

func TestResolveUPID(t *testing.T) {
	resolver := fakeResolver{
		"leader.mesos": {netip.MustParseAddr("fe80::1"), netip.MustParseAddr("::ffff:10.0.0.7"), netip.MustParseAddr("10.0.0.8")},
		"six":          {netip.MustParseAddr("fe80::1")},
	}
	for _, row := range []struct{ text, want, err string }{
		{"master@leader.mesos:5050", "master@10.0.0.7:5050", ""},
		{"master@10.0.0.1:5050", "master@10.0.0.1:5050", ""},
		{"master@six:5050", "@0.0.0.0:0", `host "six" of "master@six:5050" has no IPv4 address`},
		{"master@unknown:5050", "@0.0.0.0:0", `resolve host of "master@unknown:5050": no such host`},
		{"leader.mesos:5050", "@0.0.0.0:0", `"leader.mesos:5050" is not a process address; expected id@host:port`},
		{"master@:5050", "@0.0.0.0:0", `"master@:5050" is not a process address; expected id@host:port`},
		{"master@leader.mesos:99999", "@0.0.0.0:0", `"master@leader.mesos:99999" is not a process address; expected id@host:port`},
	} {
		got, err := ResolveUPID(t.Context(), resolver, row.text)
		require.Equal(t, row.want, got.String(), row.text)
		if row.err == "" {
			require.NoError(t, err, row.text)
		} else {
			require.EqualError(t, err, row.err)
		}
	}
}
