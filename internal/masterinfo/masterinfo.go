// Package masterinfo reads where a master is from its MasterInfo, which says it in several places.
//
// Mesos: MasterInfo in include/mesos/v1/mesos.proto; src/master/master.cpp, where it is filled.
package masterinfo

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"github.com/mesokit/mesokit/mesosproto"
)

// IP is the master's IP address: address.ip, or else the older number ip. The zero Addr means that it
// names none, for example because only its host name is known.
//
// Errors: address.ip is not an IP address.
func IP(info *mesosproto.MasterInfo) (netip.Addr, error) {
	if text := info.GetAddress().GetIp(); text != "" {
		ip, err := netip.ParseAddr(text)
		if err != nil {
			return netip.Addr{}, fmt.Errorf("address.ip is %q; it must be an IP address", text)
		}
		return ip.Unmap(), nil
	}
	n := info.GetIp()
	if n == 0 {
		return netip.Addr{}, nil
	}
	var b [4]byte
	binary.LittleEndian.PutUint32(b[:], n)
	return netip.AddrFrom4(b), nil
}

// Number is an address as the field ip has it: the bytes of an IPv4 address in network order, read as a
// little-endian number, as the reference's machines do. It is 0 for an address that is not IPv4.
func Number(ip netip.Addr) uint32 {
	ip = ip.Unmap()
	if !ip.Is4() {
		return 0
	}
	b := ip.As4()
	return binary.LittleEndian.Uint32(b[:])
}

// HostPort is the master's host:port as clients are told: its host name, or its IP address if it has
// none. Empty without a master.
func HostPort(info *mesosproto.MasterInfo) string {
	if info == nil {
		return ""
	}
	host := info.GetHostname()
	if host == "" {
		host = info.GetAddress().GetIp()
	}
	if host == "" {
		if ip, err := IP(info); err == nil && ip.IsValid() {
			host = ip.String()
		}
	}
	return net.JoinHostPort(host, strconv.FormatUint(uint64(info.GetPort()), 10))
}
