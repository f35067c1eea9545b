package link

import (
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/loop"
)

// Inbox is a [Handler]'s way to its loop: it posts messages, without allocating anything for each.
type Inbox struct {
	loop   loop.Loop
	handle func(Conn, proto.Message)
}

// NewInbox returns an inbox whose messages are given to handle, on the loop.
func NewInbox(l loop.Loop, handle func(Conn, proto.Message)) *Inbox { return &Inbox{l, handle} }

// Message posts a message; handled is called after it was handled.
func (b *Inbox) Message(conn Conn, m proto.Message, handled func()) {
	p, _ := posts.Get().(*post)
	if p == nil {
		p = &post{}
		p.run = p.deliver
	}
	p.inbox, p.conn, p.m, p.handled = b, conn, m, handled
	b.loop.Post(p.run)
}

// post is a message on its way to a loop. It is used again after that, by any inbox.
type post struct {
	inbox   *Inbox
	conn    Conn
	m       proto.Message
	handled func()
	run     func() // its method, made once
}

var posts sync.Pool // of *post

func (p *post) deliver() {
	inbox, conn, m, handled := p.inbox, p.conn, p.m, p.handled
	*p = post{run: p.run}
	posts.Put(p)
	inbox.handle(conn, m)
	handled()
}
