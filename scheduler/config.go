package scheduler

import (
	"os"
	"os/user"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// Config is what a Driver needs. Framework, Scheduler, Dialer, and Master or Detector must be set;
// the zero value of every other field works.
type Config struct {
	// Framework introduces the framework to the master; Name must be set. Without User and Hostname
	// the present user's and this host's are used. With Id the driver takes over that framework,
	// its tasks and its connection: this is how a restarted framework fails over. FailoverTimeout
	// (seconds, default 0) is how long tasks live on while no scheduler is connected.
	Framework *mesosproto.FrameworkInfo

	// Scheduler gets the callbacks.
	Scheduler Scheduler

	// Master is the address of a master, "host:port". Any master of the cluster will do: one that
	// does not lead says who does. Not needed if Detector is set, or if Dialer is a Detector, too.
	Master string

	// Detector, if set, finds the leading master instead.
	Detector Detector

	// Dialer connects to it.
	Dialer Dialer

	// ExplicitAcknowledgements leaves it to the framework to call Acknowledge and
	// AcknowledgeOperation. Default: the driver does when the callback has returned.
	ExplicitAcknowledgements bool

	// SuppressedRoles are roles for which there shall be no offers until Revive. Suppress and Revive
	// are remembered over reconnections.
	SuppressedRoles []string

	// OfferConstraints say which agents' offers are wanted. Default: all.
	OfferConstraints *schedulerpb.OfferConstraints

	// BackoffFirst and BackoffMax bound the random wait before the driver connects again: at first
	// below BackoffFirst (default 250ms), twice as much each time, at most BackoffMax (default 15s).
	// A new leader is connected to at once.
	BackoffFirst, BackoffMax time.Duration

	// Logger gets one line for each change of the connection and each error. Default: none.
	Logger *zap.Logger

	// Loop and FrameworkLoop are where the driver and the callbacks run. Default: loops of their own.
	// If only Loop is set, the callbacks run there, too. Simulations set them.
	Loop, FrameworkLoop loop.Loop
}

// filled returns a copy with defaults, or what is wrong.
func (c Config) filled() (Config, error) {
	switch {
	case c.Framework.GetName() == "":
		return c, invalid("Config.Framework.Name is not set; it is the name that operators see")
	case c.Scheduler == nil:
		return c, invalid("Config.Scheduler is not set; it gets the callbacks")
	case c.Dialer == nil:
		return c, invalid("Config.Dialer is not set; httpv1.Dialer{} speaks to any master over HTTP")
	case c.BackoffFirst < 0:
		return c, invalid("Config.BackoffFirst is %v; expecting a positive duration, or 0 for 250ms", c.BackoffFirst)
	case c.BackoffMax < 0:
		return c, invalid("Config.BackoffMax is %v; expecting a positive duration, or 0 for 15s", c.BackoffMax)
	}
	info := proto.CloneOf(c.Framework)
	c.Framework = info
	if err := c.fillFramework(); err != nil {
		return c, err
	}
	if c.Detector == nil && c.Master != "" {
		d, err := HostPort(c.Master)
		if err != nil {
			return c, err
		}
		c.Detector = d
	}
	if c.Detector == nil {
		d, ok := c.Dialer.(Detector)
		if !ok {
			return c, invalid("neither Config.Master nor Config.Detector is set; Master is the host:port of a master")
		}
		c.Detector = d
	}
	c.SuppressedRoles = slices.Clone(c.SuppressedRoles)
	c.OfferConstraints = proto.CloneOf(c.OfferConstraints)
	if c.BackoffFirst == 0 {
		c.BackoffFirst = 250 * time.Millisecond
	}
	if c.BackoffMax == 0 {
		c.BackoffMax = 15 * time.Second
	}
	c.BackoffMax = max(c.BackoffMax, c.BackoffFirst)
	if c.Logger == nil {
		c.Logger = zap.NewNop()
	}
	if c.FrameworkLoop == nil {
		c.FrameworkLoop = c.Loop
	}
	if c.Loop == nil && c.FrameworkLoop != nil {
		return c, invalid("Config.FrameworkLoop is set and Config.Loop is not; set both or neither")
	}
	return c, nil
}

// fillFramework completes c.Framework, which is a copy already.
func (c Config) fillFramework() error {
	info := c.Framework
	simulated := c.Loop != nil // then nothing may depend on the machine
	if info.GetUser() == "" {
		info.User = proto.String("root")
		if !simulated {
			u, err := user.Current()
			if err != nil {
				return invalid("Config.Framework.User is not set and the present user is unknown: %v", err)
			}
			info.User = proto.String(u.Username)
		}
	}
	if info.Hostname == nil && !simulated {
		if name, err := os.Hostname(); err == nil {
			info.Hostname = proto.String(name)
		}
	}
	if info.Id != nil && info.Id.GetValue() == "" {
		info.Id = nil // how a framework that has stored nothing yet says so
	}
	if err := proto.CheckInitialized(info); err != nil {
		_, field, _ := strings.Cut(err.Error(), "required field ")
		return invalid("Config.Framework: required field %s", field)
	}
	return nil
}

// Capabilities returns capabilities as FrameworkInfo has them.
func Capabilities(types ...mesosproto.FrameworkInfo_Capability_Type) []*mesosproto.FrameworkInfo_Capability {
	out := make([]*mesosproto.FrameworkInfo_Capability, len(types))
	for i, t := range types {
		out[i] = &mesosproto.FrameworkInfo_Capability{Type: t.Enum()}
	}
	return out
}
