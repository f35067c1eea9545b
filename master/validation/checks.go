package validation

import (
	"strings"

	"github.com/mesokit/mesokit/mesosproto"
)

// HealthCheck checks a task's health check.
func HealthCheck(h *mesosproto.HealthCheck) error {
	if h.Type == nil {
		return reason("HealthCheck must specify 'type'")
	}
	switch h.GetType() {
	case mesosproto.HealthCheck_COMMAND:
		if h.Command == nil {
			return reason("Expecting 'command' to be set for COMMAND health check")
		}
		if err := checkCommand(h.Command, "health check"); err != nil {
			return err
		}
	case mesosproto.HealthCheck_HTTP:
		if h.Http == nil {
			return reason("Expecting 'http' to be set for HTTP health check")
		}
		if s := h.Http.Scheme; s != nil && *s != "http" && *s != "https" {
			return reason("Unsupported HTTP health check scheme: '%s'", *s)
		}
		if p := h.Http.Path; p != nil && !strings.HasPrefix(*p, "/") {
			return reason("The path '%s' of HTTP health check must start with '/'", *p)
		}
	case mesosproto.HealthCheck_TCP:
		if h.Tcp == nil {
			return reason("Expecting 'tcp' to be set for TCP health check")
		}
	default:
		return reason("'%s' is not a valid health check type", h.GetType())
	}
	return notNegative(
		seconds{"delay_seconds", h.DelaySeconds}, seconds{"grace_period_seconds", h.GracePeriodSeconds},
		seconds{"interval_seconds", h.IntervalSeconds}, seconds{"timeout_seconds", h.TimeoutSeconds})
}

// Check checks a task's check.
func Check(c *mesosproto.CheckInfo) error {
	if c.Type == nil {
		return reason("CheckInfo must specify 'type'")
	}
	switch c.GetType() {
	case mesosproto.CheckInfo_COMMAND:
		if c.Command == nil {
			return reason("Expecting 'command' to be set for COMMAND check")
		}
		if err := checkCommand(c.Command.GetCommand(), "check"); err != nil {
			return err
		}
	case mesosproto.CheckInfo_HTTP:
		if c.Http == nil {
			return reason("Expecting 'http' to be set for HTTP check")
		}
		if p := c.Http.Path; p != nil && !strings.HasPrefix(*p, "/") {
			return reason("The path '%s' of HTTP check must start with '/'", *p)
		}
	case mesosproto.CheckInfo_TCP:
		if c.Tcp == nil {
			return reason("Expecting 'tcp' to be set for TCP check")
		}
	default:
		return reason("'%s' is not a valid check type", c.GetType())
	}
	return notNegative(
		seconds{"delay_seconds", c.DelaySeconds}, seconds{"interval_seconds", c.IntervalSeconds}, seconds{"timeout_seconds", c.TimeoutSeconds})
}

func checkCommand(c *mesosproto.CommandInfo, kind string) error {
	if c.Value == nil {
		what := "'shell command'"
		if !c.GetShell() {
			what = "'executable path'"
		}
		return reason("Command %s must contain %s", kind, what)
	}
	if err := Environment(c.GetEnvironment()); err != nil {
		return reason("Command %s has an invalid environment: %s", kind, err)
	}
	return nil
}

type seconds struct {
	field string
	value *float64
}

func notNegative(list ...seconds) error {
	for _, s := range list {
		if s.value != nil && !(*s.value >= 0) { // NaN too
			return reason("Expecting '%s' to be non-negative", s.field)
		}
	}
	return nil
}
