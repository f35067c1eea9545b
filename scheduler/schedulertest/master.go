package schedulertest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/internal/masterinfo"
	"github.com/mesokit/mesokit/master"
	"github.com/mesokit/mesokit/master/allocator"
	"github.com/mesokit/mesokit/master/registry"
	"github.com/mesokit/mesokit/mesosproto"
)

// MasterHost is one of the machines that a master runs on.
type MasterHost struct {
	cluster  *Cluster
	name     string
	ip       netip.Addr
	disk     *disk // what the master's registry is to it
	skew     time.Duration
	node     *node // the present process, or the last one
	isolated bool
	trouble  trouble
}

// node is one process of a master.
type node struct {
	name   string
	host   *MasterHost
	loop   *loop.SimLoop
	master *master.Master
	books  *books
}

func (n *node) closed() bool { return n.loop.Closed() }

// serves reports whether a master believes that it leads, and is not standing still.
func (n *node) serves() bool {
	return !n.closed() && !n.loop.Paused() && n.master.Snapshot().Recovered
}

func (c *Cluster) addMaster() {
	n := len(c.masters) + 1
	h := &MasterHost{cluster: c, name: "master", ip: netip.AddrFrom4([4]byte{10, 0, byte(n / 250), byte(n % 250)}), disk: &disk{}}
	if c.ensemble != nil {
		h.name = fmt.Sprintf("master%d", n)
	}
	c.masters = append(c.masters, h)
	h.start()
}

// info is how the host's master presents itself; each process has an id of its own.
func (h *MasterHost) info(id string) *mesosproto.MasterInfo {
	const port = 5050
	return &mesosproto.MasterInfo{
		Id:       proto.String(id),
		Ip:       proto.Uint32(masterinfo.Number(h.ip)),
		Port:     proto.Uint32(port),
		Pid:      proto.String("master@" + netip.AddrPortFrom(h.ip, port).String()),
		Hostname: proto.String(h.name),
		Version:  proto.String(master.Version),
	}
}

// masterAt is where a MasterInfo leads to.
func (c *Cluster) masterAt(info *mesosproto.MasterInfo) *MasterHost {
	for _, h := range c.masters {
		if h.name == info.GetHostname() {
			return h
		}
	}
	panic("schedulertest: no master is at " + masterinfo.HostPort(info)) // whoever says so has left the simulation
}

// start starts a master process.
func (h *MasterHost) start() {
	c := h.cluster
	name := c.name(h.name)
	n := &node{name: name, host: h, loop: c.sim.Loop(name), books: newBooks()}
	n.loop.SetSkew(h.skew)
	cfg := master.Config{
		Loop: diskLoop{n.loop, c.sim, h.disk}, Info: h.info(name), Logger: c.cfg.Logger,
		Storage: failing{c.store, h.disk, c.check, c.timing, n.loop}, OnFatal: func(err error) { h.gaveUp(n, err) },
	}
	if c.ensemble != nil {
		way := &contender{cluster: c, node: n, disk: h.disk}
		cfg.Election, cfg.Loop = way, remoteLoop{n.loop, way}
	}
	cfg.Loop = c.guards(cfg.Loop)
	if c.cfg.Master != nil {
		c.cfg.Master(&cfg)
	}
	if cfg.NewAllocator == nil {
		allocation := cfg.AllocatorConfig
		cfg.NewAllocator = func(l loop.Loop) allocator.Allocator { return allocator.New(l, allocation) }
	}
	inner := cfg.NewAllocator
	cfg.NewAllocator = func(l loop.Loop) allocator.Allocator {
		n.books.ledger = newLedger(c.check, inner(l))
		return n.books.ledger
	}
	m, err := master.New(cfg)
	c.fatal(err)
	n.master, h.node = m, n
	if c.ensemble == nil || c.master == nil {
		c.master = n
	}
	m.Start()
}

// gaveUp does what a supervisor does: a master that ended itself, since it does not lead any more or
// can't write its registry, is started again a second later.
func (h *MasterHost) gaveUp(n *node, err error) {
	c := h.cluster
	c.trace.note(n.name + " gave up: " + err.Error())
	c.sim.After(time.Millisecond, func() { // what it has said last may get out
		if h.node == n {
			h.Crash()
		}
	})
	c.sim.After(time.Second, h.Restart)
}

// Crash ends the master's process. The registry stays. It does nothing if there is none.
func (h *MasterHost) Crash() {
	if h.node.closed() {
		return
	}
	h.trouble.last = h.cluster.check.now()
	h.cluster.trace.note("crash: " + h.node.name)
	h.node.loop.Close()
	for _, conn := range h.cluster.net.of(h.node.name, "") {
		if conn.client == h.node.name {
			conn.breakNow(Notice{Client: Never})
		} else {
			conn.breakNow(Notice{Server: Never})
		}
	}
}

// Restart starts the master's process again, if it has ended.
func (h *MasterHost) Restart() {
	if h.node.closed() {
		h.start()
		h.cluster.trace.note("started: " + h.node.name)
	}
}

// Isolate cuts the host off from everything until Heal. Connections stay up: what is sent meanwhile
// arrives then, unless the connection is over by then.
func (h *MasterHost) Isolate() {
	if !h.isolated {
		h.isolated = true
		h.cluster.net.block(h.name, anywhere)
		h.cluster.net.block(anywhere, h.name)
	}
}

// Heal ends Isolate.
func (h *MasterHost) Heal() {
	if h.isolated {
		h.isolated = false
		h.cluster.net.unblock(h.name, anywhere)
		h.cluster.net.unblock(anywhere, h.name)
	}
}

// Snapshot is what the host's master knows, or knew last.
func (h *MasterHost) Snapshot() *master.Snapshot { return h.node.master.Snapshot() }

// MasterHost is the nth master's machine, from 0.
func (c *Cluster) MasterHost(n int) *MasterHost { return c.masters[n] }

// Leader is where the leading master runs; nil if none leads and serves.
func (c *Cluster) Leader() *MasterHost {
	if !c.master.serves() {
		return nil
	}
	return c.master.host
}

// Master is what the leading master knows; while none leads, what the last one knew.
func (c *Cluster) Master() *master.Snapshot { return c.master.master.Snapshot() }

// CrashMaster ends the process of the leading master. The registry stays.
func (c *Cluster) CrashMaster() { c.master.host.Crash() }

// RestartMaster starts every master that has crashed again.
func (c *Cluster) RestartMaster() {
	for _, h := range c.masters {
		h.Restart()
	}
}

// failing is a registry.Storage on a disk that may fail.
type failing struct {
	registry.Storage
	disk   *disk
	check  *checker
	timing *timing
	loop   *loop.SimLoop // of the process that writes
}

var errDisk = errors.New("input/output error (simulated)")

// Write refuses, or passes on.
func (s failing) Write(ctx context.Context, changes []registry.Entry) error {
	s.timing.write(s.disk, changes)
	if s.disk.broken || s.loop.Closed() {
		return errDisk
	}
	err := s.Storage.Write(ctx, changes)
	if err == nil {
		s.check.written(changes)
	}
	return err
}
