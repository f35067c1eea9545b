package libprocess

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// UPID names a process: an id at an IPv4 address and port. Two UPIDs are equal (==) if id, IP and port are.
// The zero value is [NoPID].
//
// Source: Mesos 3rdparty/libprocess/include/process/pid.hpp.
type UPID struct {
	ID   string
	IP   [4]byte
	Port uint16
}

// NoPID stands for "no process". It prints as @0.0.0.0:0, which is what Mesos writes where a pid is required and
// there is none, for example for frameworks of the HTTP API.
var NoPID UPID

// NewUPID returns the UPID of the process id at addr. An addr that is not IPv4 (or IPv4 in IPv6) yields [NoPID],
// because a UPID can't express it.
func NewUPID(id string, addr netip.AddrPort) UPID {
	ip := addr.Addr().Unmap()
	if !ip.Is4() {
		return NoPID
	}
	return UPID{ID: id, IP: ip.As4(), Port: addr.Port()}
}

// ParseUPID reads id@ip:port. It splits at the first @ and the first : after it; ip is a dotted IPv4 address, port a
// decimal number below 65536. Everything else, host names and the empty string included, is [NoPID]: peers send
// such text, and it means "no process".
func ParseUPID(text string) UPID {
	id, host, port, ok := splitUPID(text)
	if !ok {
		return NoPID
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || !ip.Is4() {
		return NoPID
	}
	return UPID{ID: id, IP: ip.As4(), Port: port}
}

// Resolver looks up the addresses of a host; *net.Resolver is one. network is always "ip4".
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// ResolveUPID reads id@host:port as [ParseUPID] does, and looks up a host that is a name with resolver
// (nil: net.DefaultResolver), taking its first IPv4 address. It is for configuration, not for text from peers:
// it blocks.
//
// Errors: text has another form, or the lookup fails or finds no IPv4 address.
func ResolveUPID(ctx context.Context, resolver Resolver, text string) (UPID, error) {
	id, host, port, ok := splitUPID(text)
	if !ok || host == "" {
		return NoPID, fmt.Errorf("%q is not a process address; expected id@host:port", text)
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.Is4() {
		return UPID{ID: id, IP: ip.As4(), Port: port}, nil
	}
	if resolver == nil {
		resolver = net.DefaultResolver
	}
	ips, err := resolver.LookupNetIP(ctx, "ip4", host)
	if err != nil {
		return NoPID, fmt.Errorf("resolve host of %q: %w", text, err)
	}
	for _, ip := range ips {
		if ip = ip.Unmap(); ip.Is4() {
			return UPID{ID: id, IP: ip.As4(), Port: port}, nil
		}
	}
	return NoPID, fmt.Errorf("host %q of %q has no IPv4 address", host, text)
}

func splitUPID(text string) (id, host string, port uint16, ok bool) {
	id, address, ok := strings.Cut(text, "@")
	if !ok {
		return "", "", 0, false
	}
	host, digits, ok := strings.Cut(address, ":")
	if !ok {
		return "", "", 0, false
	}
	number, err := strconv.ParseUint(digits, 10, 16)
	if err != nil {
		return "", "", 0, false
	}
	return id, host, uint16(number), true
}

// String returns id@ip:port; [ParseUPID] reads it back unless the id contains an @.
func (u UPID) String() string {
	b := make([]byte, 0, len(u.ID)+len("@255.255.255.255:65535"))
	b = append(b, u.ID...)
	b = append(b, '@')
	return string(u.Addr().AppendTo(b))
}

// Addr returns ip:port, 0.0.0.0:0 for [NoPID].
func (u UPID) Addr() netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4(u.IP), u.Port)
}

// Valid reports whether u can be reached at all: it has an id, a port, and an IP other than 0.0.0.0.
func (u UPID) Valid() bool {
	return u.ID != "" && u.IP != [4]byte{} && u.Port != 0
}
