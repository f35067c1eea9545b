package httpv1

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strconv"

	"github.com/mesokit/mesokit/mesosproto"
)

// Address is a master's host:port as clients are told: its hostname, or its IP address if it has none.
// Empty without a master.
func Address(info *mesosproto.MasterInfo) string {
	if info == nil {
		return ""
	}
	host := info.GetHostname()
	if host == "" {
		host = info.GetAddress().GetIp()
	}
	if host == "" {
		var b [4]byte
		binary.LittleEndian.PutUint32(b[:], info.GetIp()) // network order, read as a little-endian number
		host = netip.AddrFrom4(b).String()
	}
	return net.JoinHostPort(host, strconv.Itoa(int(info.GetPort())))
}
