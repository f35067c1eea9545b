package libprocess

import (
	"fmt"
	"slices"

	"go.uber.org/zap"
)

// link is one process's interest in the end of the connection to another.
type link struct {
	process  *Process
	to       UPID
	onExited func(UPID)
}

// Link makes sure that there is a connection to the address of to, and calls onExited(to) once when it breaks or can't
// be made.
//
// What breaks it for one breaks it for every id linked at that address, in the order of linking; each must be linked
// again. The other side is not told about links. A live host whose process to has ended does not break it, nor does a
// host that vanishes without a word until the kernel finds out, so peers ping each other. A second Link of the same
// process to the same UPID only replaces onExited.
//
// onExited runs on a goroutine of the endpoint, never inside Link; it should post to its owner's loop and must not call
// [Endpoint.Close]. It is not called after [Process.Unlink], [Process.Terminate] or [Endpoint.Close], save when already
// under way.
//
// Errors: to has no id or address; [ErrClosed]. onExited is not called then.
//
// Source: Mesos 3rdparty/libprocess/src/process.cpp, SocketManager::link.
func (p *Process) Link(to UPID, onExited func(UPID)) error { return p.link(to, onExited, false) }

// Relink is [Process.Link] with a new connection in place of the one there may be, for when the caller knows it to be
// stale, as an executor does when its agent has restarted. Nobody is told of the old one's end: all links to the
// address stay and hold for the new one. Messages of which nothing had been written go over the new one, others may be
// lost.
//
// Source: Mesos RemoteConnection::RECONNECT.
func (p *Process) Relink(to UPID, onExited func(UPID)) error { return p.link(to, onExited, true) }

func (p *Process) link(to UPID, onExited func(UPID), renew bool) error {
	if !to.Valid() {
		return fmt.Errorf("libprocess: %q can't be linked to; it needs an id, an IP and a port", to)
	}
	e := p.endpoint
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed || p.terminated {
		return ErrClosed
	}
	if old := e.peers[to.Addr()]; renew && old != nil {
		old.renew(p, to)
	}
	peer := e.peerLocked(to.Addr())
	if peer == nil {
		e.log.Warn("too many peers; link refused",
			zap.Stringer("peer", to), zap.Int("max_peers", e.cfg.MaxPeers))
		e.tasks.Go(func() { onExited(to) })
		return nil
	}
	if i := peer.findLink(p, to); i >= 0 {
		peer.links[i] = link{p, to, onExited}
	} else {
		peer.links = append(peer.links, link{p, to, onExited})
	}
	p.links[to] = peer
	return nil
}

// Unlink removes the link to a UPID without a callback. The connection stays for as long as others are linked or
// messages flow. Does nothing if there is no link.
func (p *Process) Unlink(to UPID) {
	e := p.endpoint
	e.mu.Lock()
	defer e.mu.Unlock()
	if peer := p.links[to]; peer != nil {
		peer.removeLink(p, to)
		delete(p.links, to)
	}
}

// renew gives up the connection for a new one; endpoint.mu is held. A peer that has failed already, and has lost
// messages by it, is left to tell its other links so; the caller's link then goes to a new peer.
func (p *peer) renew(process *Process, to UPID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cause != nil && !p.restart {
		p.removeLocked()
		p.removeLink(process, to)
		return
	}
	p.restart = true
	p.abortLocked(errRelinked)
}

// removeLink forgets a link, if there; endpoint.mu is held.
func (p *peer) removeLink(process *Process, to UPID) {
	if i := p.findLink(process, to); i >= 0 {
		p.links = slices.Delete(p.links, i, i+1)
	}
}

func (p *peer) findLink(process *Process, to UPID) int {
	return slices.IndexFunc(p.links, func(l link) bool { return l.process == process && l.to == to })
}

// forgetLink forgets that to is linked through peer; endpoint.mu is held.
func (p *Process) forgetLink(to UPID, through *peer) {
	if p.links[to] == through {
		delete(p.links, to)
	}
}

// send queues an encoded request.
func (p *Process) send(to UPID, name string, request []byte) error {
	e := p.endpoint
	for {
		e.mu.Lock()
		if e.closed || p.terminated {
			e.mu.Unlock()
			return ErrClosed
		}
		peer := e.peerLocked(to.Addr())
		e.mu.Unlock()
		if peer == nil {
			e.dropped.Add(1)
			e.log.Debug("too many peers; message dropped",
				zap.Stringer("to", to), zap.String("name", name), zap.Int("max_peers", e.cfg.MaxPeers))
			return nil
		}
		if peer.enqueue(request) {
			break
		}
	}
	if line := e.log.Check(zap.DebugLevel, "message sent"); line != nil {
		line.Write(zap.String("from", p.text),
			zap.Stringer("to", to), zap.String("name", name), zap.Int("bytes", len(request)))
	}
	return nil
}
