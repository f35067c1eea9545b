package executor

import (
	"github.com/gogo/status"
	"go.uber.org/zap"
	"google.golang.org/grpc/codes"

	"github.com/mesokit/mesokit/internal/apierror"
)

// shutDown asks the executor to end, once, and sees to it that it does.
func (c *core) shutDown(why string) {
	if c.shutdown {
		return
	}
	c.shutdown = true
	c.log.Info("shutting down", zap.String("reason", why), zap.Duration("grace", c.cfg.ShutdownGrace))
	c.deliver(func(x Executor) { x.Shutdown(c.driver) })
	c.grace = c.loop.AfterFunc(c.cfg.ShutdownGrace, c.graceIsOver)
}

// graceIsOver ends a driver whose executor has not ended in time.
//
// Mesos: src/executor/executor.cpp, ShutdownProcess.
func (c *core) graceIsOver() {
	c.grace = nil
	took := "Shutdown was " + c.cfg.ShutdownGrace.String() + " ago"
	if c.stopping {
		c.finish(c.undelivered(codes.DeadlineExceeded, took))
		return
	}
	c.log.Error("executor has not stopped in time", zap.Duration("grace", c.cfg.ShutdownGrace))
	if c.cfg.Exit != nil {
		c.holding++
		c.loop.Do(func() error { c.cfg.Exit(); return nil }, func(error) { c.let() })
	}
	c.finish(status.Errorf(codes.DeadlineExceeded, "%s, and Driver.Stop has not been called; Executor.Shutdown must see to it", took))
}

// agentLost gives the agent up. The executor shuts down, unless it has never had anything to do.
func (c *core) agentLost(why error) {
	c.forsake()
	switch {
	case c.over:
	case !c.registered:
		c.fatal(why)
	default:
		c.shutDown("agent lost: " + apierror.Message(why))
	}
}
