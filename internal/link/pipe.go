package link

import (
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
)

// Pipe is a Dialer to a master in the same process: messages go from one side's handler to the other's
// without being copied or encoded. self is the agent's process id, as the master is to see it.
func Pipe(self string, server Handler) Dialer { return pipe{self, server} }

type pipe struct {
	self   string
	server Handler
}

func (p pipe) Dial(master *mesosproto.MasterInfo, h Handler) Conn {
	var mu sync.Mutex
	client := &pipeEnd{mu: &mu, peer: master.GetPid(), handler: p.server}
	server := &pipeEnd{mu: &mu, peer: p.self, handler: h}
	client.other, server.other = server, client
	return client
}

// pipeEnd is what one side holds: handler is the other side's. The lock, shared by both ends, keeps
// messages and the end of the connection in order; handlers only post, so it is held shortly.
type pipeEnd struct {
	peer    string
	handler Handler
	other   *pipeEnd // what the handler is told that messages come from

	mu   *sync.Mutex
	over bool
}

func (e *pipeEnd) Peer() string { return e.peer }

func (e *pipeEnd) Send(m proto.Message) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.over {
		e.handler.Message(e.other, m, func() {})
	}
}

func (e *pipeEnd) Close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.over {
		e.over, e.other.over = true, true
		e.handler.Exited(e.other)
	}
}
