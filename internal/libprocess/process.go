package libprocess

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"google.golang.org/protobuf/proto"
)

// Receiver takes the messages of one process.
//
// Receive gets the sender as it calls itself (not authenticated; [NoPID] if it gave no readable address), the message's
// full name, such as mesos.internal.PingSlaveMessage, and its bytes, which belong to the receiver. It is called in
// order for the messages of one connection, and concurrently for those of others, by the goroutine that
// reads the connection, so it should post the message to its owner and return.
//
// done must be called once the message is handled; more calls have no effect. Until then the message counts
// against the limits of its connection and process, which is how a slow owner slows down those who flood it.
type Receiver interface {
	Receive(from UPID, name string, body []byte, done func())
}

// ReceiverFunc is a function as a [Receiver].
type ReceiverFunc func(from UPID, name string, body []byte, done func())

// Receive calls f.
func (f ReceiverFunc) Receive(from UPID, name string, body []byte, done func()) {
	f(from, name, body, done)
}

// Process is one id of an endpoint: what is sent to it goes to its Receiver, what it sends carries its UPID. Its
// methods never wait for the network and are safe for concurrent use.
type Process struct {
	endpoint *Endpoint
	pid      UPID
	text     string // pid.String()
	receiver Receiver
	mailbox  chan struct{} // a token per message delivered and not done
	ended    chan struct{} // closed by Terminate

	// Guarded by endpoint.mu.
	terminated bool
	links      map[UPID]*peer

	mu      sync.Mutex // after endpoint.mu
	pending map[*delivery]struct{}
}

// NextID returns prefix(N), such as slave(1), where N counts from 1 for each prefix.
func (e *Endpoint) NextID(prefix string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.counters[prefix]++
	return fmt.Sprintf("%s(%d)", prefix, e.counters[prefix])
}

// Spawn registers id; from now on its messages go to receiver.
//
// Errors: id is taken, empty, or has characters other than letters, digits and ()-._~ ; [ErrClosed].
func (e *Endpoint) Spawn(id string, receiver Receiver) (*Process, error) {
	if id == "" || strings.IndexFunc(id, func(r rune) bool { return !plainRune(r) }) >= 0 {
		return nil, fmt.Errorf("libprocess: process id %q must be letters, digits and ()-._~ only", id)
	}
	pid := NewUPID(id, e.cfg.Advertise)
	p := &Process{
		endpoint: e,
		pid:      pid,
		text:     pid.String(),
		receiver: receiver,
		mailbox:  make(chan struct{}, e.cfg.MailboxMessages),
		ended:    make(chan struct{}),
		links:    make(map[UPID]*peer),
		pending:  make(map[*delivery]struct{}),
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, ErrClosed
	}
	if e.processes[id] != nil {
		return nil, fmt.Errorf("libprocess: process id %q is taken on %s; terminate its process first", id, e.cfg.Advertise)
	}
	e.processes[id] = p
	return p, nil
}

func (e *Endpoint) process(id string) *Process {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.processes[id]
}

// PID returns the process's UPID, at the advertised address.
func (p *Process) PID() UPID { return p.pid }

// Terminate removes the process: its id answers 404 and is free again, its links are removed without a callback, it
// can't send any more, and its messages count as done, because a loop that has stopped may never get to them.
// Messages and callbacks already under way may still be delivered. Safe to call twice.
func (p *Process) Terminate() {
	if !p.remove() {
		return
	}
	p.mu.Lock()
	pending := slices.Collect(maps.Keys(p.pending))
	p.mu.Unlock()
	for _, d := range pending {
		d.done()
	}
}

func (p *Process) remove() bool {
	e := p.endpoint
	e.mu.Lock()
	defer e.mu.Unlock()
	if p.terminated {
		return false
	}
	p.terminated = true
	close(p.ended)
	delete(e.processes, p.pid.ID)
	for to, peer := range p.links {
		peer.removeLink(p, to)
	}
	p.links = nil
	return true
}

// Send sends body to the process to under the full name of its message type, after everything that this endpoint has
// sent to that address before. body is copied.
//
// nil says that the message is queued, not that it arrives: it is dropped (counted, logged at debug) if the peer
// can't be reached, and lost if the connection breaks. Whoever must know links to the peer.
//
// Errors: to has no id or address; name is not of the form a.b.C; [ErrClosed]. Nothing is sent then.
func (p *Process) Send(to UPID, name string, body []byte) error {
	if err := checkRequest(to, name); err != nil {
		return err
	}
	request := appendHead(make([]byte, 0, requestSize(p.text, to, name, len(body))), p.text, to, name, len(body))
	request = append(request, body...)
	return p.send(to, name, appendTail(request, len(body)))
}

// SendMessage sends m as [Process.Send] does, under the full name of its type: mesos.internal.X for the messages of
// mesosproto/messagespb. Types whose name on the wire is another (mesos.v1.scheduler.Call is sent as
// mesos.scheduler.Call) go through [Process.SendNamed]. m may be changed once SendMessage has returned.
//
// Errors: those of Send; m lacks a required field.
func (p *Process) SendMessage(to UPID, m proto.Message) error {
	return p.SendNamed(to, string(m.ProtoReflect().Descriptor().FullName()), m)
}

// SendNamed is [Process.SendMessage] under the name given.
func (p *Process) SendNamed(to UPID, name string, m proto.Message) error {
	if err := checkRequest(to, name); err != nil {
		return err
	}
	size := proto.Size(m)
	request := appendHead(make([]byte, 0, requestSize(p.text, to, name, size)), p.text, to, name, size)
	head := len(request)
	request, err := proto.MarshalOptions{UseCachedSize: true}.MarshalAppend(request, m)
	if err != nil {
		return fmt.Errorf("libprocess: encode %s to %s: %w", name, to, err)
	}
	if len(request)-head != size {
		return fmt.Errorf("libprocess: encode %s to %s: message was changed meanwhile", name, to)
	}
	return p.send(to, name, appendTail(request, size))
}
