package schedulertest

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/master"
	"github.com/mesokit/mesokit/master/allocator"
	"github.com/mesokit/mesokit/master/registry"
	"github.com/mesokit/mesokit/mesosproto"
)

// node is one process of a master.
type node struct {
	name   string
	loop   *loop.SimLoop
	master *master.Master
}

func (n *node) closed() bool { return n.loop.Closed() }

const masterAddress = "10.0.0.1:5050"

func masterInfo() *mesosproto.MasterInfo {
	ip := netip.MustParseAddrPort(masterAddress)
	b := ip.Addr().As4()
	return &mesosproto.MasterInfo{
		Id:       proto.String("master"),
		Ip:       proto.Uint32(uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24),
		Port:     proto.Uint32(uint32(ip.Port())),
		Pid:      proto.String("master@" + masterAddress),
		Hostname: proto.String("master"),
		Version:  proto.String(master.Version),
	}
}

func (c *Cluster) startMaster() {
	name := c.name(masterHost)
	n := &node{name: name, loop: c.sim.Loop(name)}
	n.loop.SetSkew(c.masterSkew)
	info := masterInfo()
	info.Id = proto.String(name)
	cfg := master.Config{
		Loop: diskLoop{n.loop, c.sim, c.masterDisk}, Info: info, Logger: c.cfg.Logger,
		Storage: failing{c.store, c.masterDisk}, OnFatal: func(err error) { c.masterGaveUp(n, err) },
	}
	if c.cfg.Master != nil {
		c.cfg.Master(&cfg)
	}
	if cfg.NewAllocator == nil {
		allocation := cfg.AllocatorConfig
		cfg.NewAllocator = func(l loop.Loop) allocator.Allocator { return allocator.New(l, allocation) }
	}
	inner, books := cfg.NewAllocator, &ledger{}
	cfg.NewAllocator = func(l loop.Loop) allocator.Allocator {
		*books = *newLedger(c.check, inner(l))
		return books
	}
	m, err := master.New(cfg)
	c.fatal(err)
	n.master, c.master = m, n
	c.check.books.newMaster(books)
	m.Start()
}

// masterGaveUp does what a supervisor does: a master that ended itself, since it can't write its
// registry, is started again a second later.
func (c *Cluster) masterGaveUp(n *node, err error) {
	c.trace.note("the master gave up: " + err.Error())
	c.sim.After(0, func() {
		if c.master == n && !n.closed() {
			c.CrashMaster()
		}
	})
	c.sim.After(time.Second, func() {
		if c.master.closed() {
			c.RestartMaster()
		}
	})
}

// Master is what the present master knows.
func (c *Cluster) Master() *master.Snapshot { return c.master.master.Snapshot() }

// CrashMaster ends the master's process. Its registry stays.
func (c *Cluster) CrashMaster() {
	c.trace.note("crash: " + c.master.name)
	c.master.loop.Close()
	for _, conn := range c.net.of(c.master.name, "") {
		conn.breakNow(Notice{Server: Never})
	}
}

// RestartMaster starts a master on the registry of the one that crashed.
func (c *Cluster) RestartMaster() {
	c.startMaster()
	c.trace.note("started: " + c.master.name)
}

// failing is a registry.Storage on a disk that may fail.
type failing struct {
	registry.Storage
	disk *disk
}

var errDisk = errors.New("input/output error (simulated)")

// Write refuses, or passes on.
func (s failing) Write(ctx context.Context, changes []registry.Entry) error {
	if s.disk.broken {
		return errDisk
	}
	return s.Storage.Write(ctx, changes)
}
