package agent

import (
	"context"
	"net"
	"net/netip"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/masterinfo"
	"github.com/mesokit/mesokit/mesosproto"
)

// Detector finds the leading master.
type Detector interface {
	// Detect calls leader whenever the leading master changes, nil if there is none. It may do so
	// from any goroutine, one call at a time, also before Detect returns; not after cancel.
	Detect(leader func(*mesosproto.MasterInfo)) (cancel func())
}

// StaticDetector is a Detector for one master at a known host:port. A host name is looked up until it
// is known.
func StaticDetector(addr string) Detector { return static(addr) }

type static string

// lookupRetry is the time between attempts to look up the master's name.
const lookupRetry = time.Second

func (s static) Detect(leader func(*mesosproto.MasterInfo)) (cancel func()) {
	if ap, err := netip.ParseAddrPort(string(s)); err == nil {
		leader(masterAt(ap, ap.Addr().String()))
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		for ctx.Err() == nil {
			if m := s.lookup(ctx); m != nil && ctx.Err() == nil {
				leader(m)
				return
			}
			select {
			case <-ctx.Done():
			case <-time.After(lookupRetry):
			}
		}
	}()
	return cancel
}

func (s static) lookup(ctx context.Context) *mesosproto.MasterInfo {
	host, service, err := net.SplitHostPort(string(s))
	if err != nil {
		return nil
	}
	port, err := net.DefaultResolver.LookupPort(ctx, "tcp", service)
	if err != nil {
		return nil
	}
	// Process ids on the wire carry IPv4 addresses only.
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip4", host)
	if err != nil || len(ips) == 0 {
		return nil
	}
	return masterAt(netip.AddrPortFrom(ips[0].Unmap(), uint16(port)), host)
}

// masterAt is all that can be said of a master of which only the address is known.
func masterAt(ap netip.AddrPort, host string) *mesosproto.MasterInfo {
	return &mesosproto.MasterInfo{
		Id:       proto.String(""),
		Ip:       proto.Uint32(masterinfo.Number(ap.Addr())),
		Port:     proto.Uint32(uint32(ap.Port())),
		Pid:      proto.String("master@" + ap.String()),
		Hostname: proto.String(host),
		Address: &mesosproto.Address{
			Hostname: proto.String(host),
			Ip:       proto.String(ap.Addr().String()),
			Port:     proto.Int32(int32(ap.Port())),
		},
	}
}
