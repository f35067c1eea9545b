package goldentest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/mesokit/mesokit/agent"
	agentlibprocess "github.com/mesokit/mesokit/agent/libprocess"
	"github.com/mesokit/mesokit/master"
	masterlibprocess "github.com/mesokit/mesokit/master/libprocess"
	"github.com/mesokit/mesokit/mesosproto"
	_ "github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/resources"
)

// The connections of registration.jsonl.
const (
	agentToMaster = 24
	masterToAgent = 26
)

// Our agent registers with a recorded master, and says what the recorded agent said.
func TestAgentRegistersWithARecordedMaster(t *testing.T) {
	t.Parallel()
	peer := listenAsPeer(t)
	l, here := listenHere(t)
	dialer, err := agentlibprocess.NewDialer(agentlibprocess.Config{Advertise: here})
	require.NoError(t, err)
	server := dialer.HTTPServer(http.NotFoundHandler())
	t.Cleanup(dialer.Close)
	t.Cleanup(func() { server.Close() })
	go server.Serve(l)

	a, err := agent.New(agent.Config{
		Info: &mesosproto.AgentInfo{
			Hostname:   proto.String("agent1.example"),
			Port:       proto.Int32(int32(here.Port())),
			Resources:  resources.MustParse("cpus:2;mem:4096;disk:4096;ports:[31000-32000]").Proto(),
			Attributes: attributes(t, "rack:r1;zone:z"),
		},
		IP: here.Addr(), PID: dialer.PID(), WorkDir: t.TempDir(),
		Containerizer:       &standIn{containers: map[string]*container{}},
		Detector:            fixed{&mesosproto.MasterInfo{Id: proto.String("recorded"), Ip: proto.Uint32(0), Port: proto.Uint32(0), Pid: proto.String("master@" + peer.address())}},
		Dialer:              dialer,
		RegistrationBackoff: time.Millisecond,
	})
	require.NoError(t, err)
	t.Cleanup(a.Stop)
	a.Start()
	peer.play(agentToMaster, ":5051", here, ":5050")
}

// Our master takes the registration of a recorded agent, and says what the recorded master said.
func TestMasterRegistersARecordedAgent(t *testing.T) {
	t.Parallel()
	peer := listenAsPeer(t)
	l, here := listenHere(t)
	m, err := master.New(master.Config{Info: &mesosproto.MasterInfo{
		Hostname: proto.String("master.example"), Port: proto.Uint32(uint32(here.Port())),
		Address: &mesosproto.Address{Ip: proto.String(here.Addr().String())},
	}})
	require.NoError(t, err)
	remote, err := masterlibprocess.New(masterlibprocess.Config{Advertise: here, Agents: m.Agents()})
	require.NoError(t, err)
	server := remote.HTTPServer(http.NotFoundHandler())
	t.Cleanup(remote.Close)
	t.Cleanup(func() { server.Close() })
	t.Cleanup(m.Stop)
	go server.Serve(l)
	m.Start()
	require.Eventually(t, func() bool { return m.Snapshot().Recovered }, patience, time.Millisecond)
	peer.play(masterToAgent, ":5050", here, ":5051")
	require.Eventually(t, func() bool { return m.Snapshot().Agents.Len() == 1 }, patience, time.Millisecond)
}

type fixed struct{ leader *mesosproto.MasterInfo }

func (f fixed) Detect(leader func(*mesosproto.MasterInfo)) (cancel func()) {
	leader(f.leader)
	return func() {}
}

func listenHere(t *testing.T) (net.Listener, netip.AddrPort) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	at := l.Addr().(*net.TCPAddr).AddrPort()
	return l, netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}

// peer speaks for the recorded side.
type peer struct {
	t        *testing.T
	listener net.Listener
	names    *names
	early    map[string]*said // messages of ours that are not compared yet, by request line
	seen     map[string]bool
}

type said struct {
	*http.Request
	body []byte
}

func listenAsPeer(t *testing.T) *peer {
	l, _ := listenHere(t)
	return &peer{
		t: t, listener: l, names: &names{ours: map[string]string{}, recorded: map[string]string{}},
		early: map[string]*said{}, seen: map[string]bool{},
	}
}

func (p *peer) address() string { return p.listener.Addr().String() }

// play plays registration.jsonl: ours is the connection that our side opens to the peer, from and here
// where we are in the recording and really, as where the peer is in the recording.
func (p *peer) play(ours int, from string, here netip.AddrPort, as string) {
	t := p.t
	require.NoError(t, p.names.pair(from, fmt.Sprint(":", here.Port())))
	require.NoError(t, p.names.pair(as, p.address()[strings.LastIndex(p.address(), ":"):]))
	var opened, answered *connection // by us, by the peer
	t.Cleanup(func() {
		for _, c := range []*connection{opened, answered} {
			if c != nil {
				c.Close()
			}
		}
	})
	for i, l := range read(t, "registration") {
		at := fmt.Sprintf("registration.jsonl:%d", i+1)
		mine := l.Connection == ours
		switch {
		case l.Request != "" && mine:
			if opened == nil {
				require.NoError(t, p.listener.(*net.TCPListener).SetDeadline(time.Now().Add(patience)))
				c, err := p.listener.Accept()
				require.NoError(t, err, at)
				opened = &connection{Conn: c, in: bufio.NewReader(c)}
			}
			p.expect(at, l, opened)
		case l.Request != "":
			if answered == nil {
				c, err := dial(here.String())
				require.NoError(t, err, at)
				answered = c
			}
			p.say(at, l, answered)
		case mine:
			p.accepted(at, opened)
		default:
			r, err := answered.receive()
			require.NoError(t, err, at)
			require.Equal(t, l.Response, r.status, at)
			require.Equal(t, sortedKeys(l.Headers), sortedKeys(r.headers), at)
			require.Equal(t, l.Headers["Content-Length"], r.headers["Content-Length"], at)
		}
	}
	require.Empty(t, p.early, "messages that were not recorded")
}

func (p *peer) accepted(at string, c *connection) {
	_, err := fmt.Fprintf(c, "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nDate: %s\r\n\r\n", time.Now().UTC().Format(http.TimeFormat))
	require.NoError(p.t, err, at)
}

func sortedKeys(m map[string][]string) (list []string) {
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}

// expect reads a message of ours and compares it with the recorded one. Messages of different processes,
// a master and its observer of the agent, race.
func (p *peer) expect(at string, l line, c *connection) {
	t := p.t
	require.NoError(t, c.SetReadDeadline(time.Now().Add(patience)))
	for p.early[l.Request] == nil {
		r, err := http.ReadRequest(c.in)
		require.NoError(t, err, "%s: %s", at, l.Request)
		body, err := io.ReadAll(r.Body)
		require.NoError(t, err, at)
		request := fmt.Sprintf("%s %s %s", r.Method, r.RequestURI, r.Proto)
		if p.seen[request] { // an agent that waits for its registration tries again
			require.Contains(t, request, "RegisterSlaveMessage", at)
			p.accepted(at, c)
			continue
		}
		p.seen[request] = true
		p.early[request] = &said{r, body}
		require.LessOrEqual(t, len(p.early), 2, "%s: %s does not come", at, l.Request)
	}
	r, body := p.early[l.Request].Request, p.early[l.Request].body
	delete(p.early, l.Request)
	got := map[string][]string(r.Header)
	got["Host"] = []string{r.Host}
	if r.TransferEncoding != nil {
		got["Transfer-Encoding"] = r.TransferEncoding
	}
	want := map[string][]string{}
	for k, list := range l.Headers {
		for _, v := range list {
			want[k] = append(want[k], p.names.translate(v))
		}
	}
	require.Equal(t, want, got, at)
	p.names.compare("", tree(p.message(at, l.Request, l.body()).ProtoReflect()), tree(p.message(at, l.Request, body).ProtoReflect()),
		func(path, want, got string) { t.Errorf("%s: %s\n recorded %s\n      got %s", at, path, want, got) })
}

// message decodes a message by the name in its request line.
func (p *peer) message(at, request string, body []byte) proto.Message {
	name := request[strings.LastIndex(request, "/mesos.internal.")+1 : strings.LastIndex(request, " ")]
	kind, err := protoregistry.GlobalTypes.FindMessageByURL(name)
	require.NoError(p.t, err, "%s: %s", at, name)
	m := kind.New().Interface()
	require.NoError(p.t, proto.Unmarshal(body, m), at)
	return m
}

// say sends a recorded message, with our names.
func (p *peer) say(at string, l line, c *connection) {
	m := p.message(at, l.Request, l.body())
	p.names.translateMessage(m)
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	require.NoError(p.t, err, at)
	if l.Headers["Transfer-Encoding"] != nil {
		var b bytes.Buffer
		fmt.Fprintf(&b, "%x\r\n%s\r\n0\r\n\r\n", len(body), body)
		body = b.Bytes()
	}
	require.NoError(p.t, c.send(l.Request, l.Headers, body, p.names.translate), at)
}
