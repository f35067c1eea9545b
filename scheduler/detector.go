package scheduler

import (
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/gogo/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/masterinfo"
	"github.com/mesokit/mesokit/mesosproto"
)

// Detector finds the leading master. host:port is built in, see Config.Master; others, such as a
// ZooKeeper one, are injected by whoever assembles the program.
type Detector interface {
	// Detect calls leader each time that the leading master changes, with nil when there is none, until
	// cancel is called; the first time as soon as it knows. leader may be called from any goroutine,
	// one call at a time, and does not block. Neither Detect nor cancel may block.
	Detect(leader func(*mesosproto.MasterInfo)) (cancel func())
}

// HostPort is a Detector that knows the leader's address from the beginning: "host:port", or
// "master@host:port". If that master does not lead, it says who does, and the driver goes there.
//
// Errors: InvalidArgument if address is of another form.
// Mesos: MasterDetector::create, the forms of --master.
func HostPort(address string) (Detector, error) {
	info, err := leaderAt(address)
	if err != nil {
		return nil, err
	}
	return fixed{info}, nil
}

// fixed announces one leader for good.
type fixed struct{ leader *mesosproto.MasterInfo }

func (f fixed) Detect(leader func(*mesosproto.MasterInfo)) func() {
	leader(f.leader)
	return func() {}
}

// leaderAt makes up the MasterInfo of a master of which only the address is known. Its id is the
// address: the real one comes with SUBSCRIBED.
func leaderAt(address string) (*mesosproto.MasterInfo, error) {
	bad := func(why string) error {
		return status.Errorf(codes.InvalidArgument,
			"master %q: %s; expecting host:port, or a Detector in Config.Detector for other forms", address, why)
	}
	if strings.Contains(address, "://") || strings.HasPrefix(address, "/") || address == "local" {
		return nil, bad("this form needs a detector")
	}
	host, portText, err := net.SplitHostPort(strings.TrimPrefix(address, "master@"))
	if err != nil {
		return nil, bad(strings.TrimPrefix(err.Error(), "address "+address+": "))
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil || port == 0 {
		return nil, bad("port " + strconv.Quote(portText) + " is not between 1 and 65535")
	}
	if host == "" {
		return nil, bad("no host")
	}
	info := &mesosproto.MasterInfo{
		Id:       proto.String(net.JoinHostPort(host, portText)),
		Ip:       proto.Uint32(0),
		Port:     proto.Uint32(uint32(port)),
		Hostname: proto.String(host),
		Address:  &mesosproto.Address{Hostname: proto.String(host), Port: proto.Int32(int32(port))},
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		info.Address.Ip = proto.String(host)
		info.Ip = proto.Uint32(masterinfo.Number(ip))
	}
	return info, nil
}
