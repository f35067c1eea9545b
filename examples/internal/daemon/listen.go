package daemon

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/spf13/pflag"
)

// Address is where a daemon listens and what it tells others.
type Address struct {
	IP            string
	Port          int
	AdvertiseIP   string
	AdvertisePort int
	Hostname      string
}

// AddressFlags adds --ip, --port, --advertise_ip, --advertise_port and --hostname.
func AddressFlags(flags *pflag.FlagSet, port int) *Address {
	a := &Address{}
	flags.StringVar(&a.IP, "ip", "0.0.0.0", "IPv4 address to listen on")
	flags.IntVar(&a.Port, "port", port, "port to listen on; 0 picks a free one")
	flags.StringVar(&a.AdvertiseIP, "advertise_ip", "", "IPv4 address that others are told (default: --ip, or this host's if that is 0.0.0.0)")
	flags.IntVar(&a.AdvertisePort, "advertise_port", 0, "port that others are told (default: --port)")
	flags.StringVar(&a.Hostname, "hostname", "", "name that others are told (default: the advertised address)")
	return a
}

// Listen listens. advertised is what others are told, and a.Hostname is filled in.
func (a *Address) Listen() (l net.Listener, advertised netip.AddrPort, err error) {
	ip, err := ipv4("ip", a.IP)
	if err != nil {
		return nil, advertised, err
	}
	if a.Port < 0 || a.Port > 65535 {
		return nil, advertised, fmt.Errorf("flag --port: %d is no port; choose one from 0 to 65535", a.Port)
	}
	l, err = net.Listen("tcp4", net.JoinHostPort(ip.String(), strconv.Itoa(a.Port)))
	if err != nil {
		return nil, advertised, fmt.Errorf("listen on %s:%d: %w; choose another --port or --ip", ip, a.Port, err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	told, err := a.told(ip)
	if err != nil {
		l.Close()
		return nil, advertised, err
	}
	if a.AdvertisePort != 0 {
		port = a.AdvertisePort
	}
	if a.Hostname == "" {
		a.Hostname = told.String()
	}
	return l, netip.AddrPortFrom(told, uint16(port)), nil
}

func (a *Address) told(ip netip.Addr) (netip.Addr, error) {
	if a.AdvertiseIP != "" {
		return ipv4("advertise_ip", a.AdvertiseIP)
	}
	if !ip.IsUnspecified() {
		return ip, nil
	}
	name, err := os.Hostname()
	if err == nil {
		if found, err := net.DefaultResolver.LookupNetIP(context.Background(), "ip4", name); err == nil && len(found) > 0 {
			return found[0].Unmap(), nil
		}
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, 1}), nil
}

func ipv4(flag, text string) (netip.Addr, error) {
	ip, err := netip.ParseAddr(text)
	if err != nil || !ip.Is4() {
		return ip, fmt.Errorf("flag --%s: %q is no IPv4 address such as 10.0.0.1", flag, text)
	}
	return ip, nil
}

// LogFlags adds --logging_level and --quiet.
func LogFlags(flags *pflag.FlagSet) func() (*zap.Logger, error) {
	level := flags.String("logging_level", "INFO", "least important messages that are logged: DEBUG, INFO, WARNING or ERROR")
	quiet := flags.Bool("quiet", false, "log nothing")
	return func() (*zap.Logger, error) {
		if *quiet {
			return zap.NewNop(), nil
		}
		l, ok := map[string]zapcore.Level{"DEBUG": zap.DebugLevel, "INFO": zap.InfoLevel, "WARNING": zap.WarnLevel, "ERROR": zap.ErrorLevel}[strings.ToUpper(*level)]
		if !ok {
			return nil, fmt.Errorf("flag --logging_level: %q is none of DEBUG, INFO, WARNING, ERROR", *level)
		}
		cfg := zap.NewDevelopmentEncoderConfig()
		cfg.EncodeTime = zapcore.ISO8601TimeEncoder
		return zap.New(zapcore.NewCore(zapcore.NewConsoleEncoder(cfg), zapcore.Lock(os.Stderr), l)), nil
	}
}

// UntilSignal returns a context that ends with SIGINT or SIGTERM. A second signal ends the program.
func UntilSignal() (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// CheckMaster says what is wrong with a --master flag, if anything is.
func CheckMaster(master string) error {
	switch host, port, err := net.SplitHostPort(master); {
	case master == "":
		return fmt.Errorf("flag --master is missing: the host:port of a master")
	case strings.HasPrefix(master, "zk://"):
		return fmt.Errorf("flag --master: masters are not found through ZooKeeper yet; give the host:port of one")
	case err != nil || host == "" || port == "":
		return fmt.Errorf("flag --master: %q is no host:port such as 10.0.0.1:5050", master)
	}
	return nil
}
