package libprocess

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/mesokit/mesokit/mesosproto/messagespb"
)

// captured is one request as a real program sent it.
type captured struct {
	Line    string              `json:"line"`
	Headers map[string][]string `json:"headers"`
	Body    []byte              `json:"body"`
}

func (c captured) from() UPID { return ParseUPID(c.Headers["Libprocess-From"][0]) }

func (c captured) to(t *testing.T) (UPID, string) {
	id, name, refused := target(strings.Fields(c.Line)[1])
	require.Nil(t, refused)
	return ParseUPID(id + "@" + c.Headers["Host"][0]), name
}

// reference reports whether the reference sent it, and not mesos-go.
func (c captured) reference() bool {
	return strings.HasPrefix(c.Headers["User-Agent"][0], agentPrefix)
}

func capturedMessages(t *testing.T) []captured {
	file, err := os.Open("testdata/messages.jsonl")
	require.NoError(t, err)
	defer file.Close()
	var all []captured
	for decoder := json.NewDecoder(file); decoder.More(); {
		var c captured
		require.NoError(t, decoder.Decode(&c))
		all = append(all, c)
	}
	require.NotEmpty(t, all)
	return all
}

// encode is what Send writes.
func encode(from, to UPID, name string, body []byte) []byte {
	b := appendHead(nil, from.String(), to, name, len(body))
	return appendTail(append(b, body...), len(body))
}

func TestRequestBytesAreTheReferences(t *testing.T) {
	observer, agent := ParseUPID("slave-observer(1)@127.0.0.1:5050"), ParseUPID("slave(1)@127.0.0.1:5051")
	ping, err := os.ReadFile("testdata/ping.http")
	require.NoError(t, err)
	require.Equal(t, string(ping), string(encode(observer, agent, "mesos.internal.PingSlaveMessage", []byte{8, 1})))
	pong, err := os.ReadFile("testdata/pong.http")
	require.NoError(t, err)
	require.Equal(t, string(pong), string(encode(agent, observer, "mesos.internal.PongSlaveMessage", nil)))
}

func TestRequestsEqualCapturedOnes(t *testing.T) {
	compared := 0
	for _, c := range capturedMessages(t) {
		if !c.reference() {
			continue
		}
		to, name := c.to(t)
		request := encode(c.from(), to, name, c.Body)
		line, rest, _ := bytes.Cut(request, []byte("\r\n"))
		require.Equal(t, c.Line, string(line))
		head, framed, _ := bytes.Cut(rest, []byte("\r\n\r\n"))
		headers := map[string][]string{}
		for header := range strings.SplitSeq(string(head), "\r\n") {
			key, value, _ := strings.Cut(header, ": ")
			headers[key] = append(headers[key], value)
		}
		require.Equal(t, c.Headers, headers, c.Line)
		if len(c.Body) == 0 {
			require.Empty(t, framed, c.Line)
		}
		parsed, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(request)))
		require.NoError(t, err, c.Line)
		body, err := io.ReadAll(parsed.Body)
		require.NoError(t, err, c.Line)
		require.Equal(t, string(c.Body), string(body), c.Line)
		compared++
	}
	require.Greater(t, compared, 20)
}

// Generated messages give the captured names and, encoded again, the captured messages.
func TestSendMessageWritesCapturedMessages(t *testing.T) {
	compared := 0
	for _, c := range capturedMessages(t) {
		to, name := c.to(t)
		kind, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName(name))
		if err != nil {
			require.Equal(t, "mesos.scheduler.Call", name, "the only name that is another in version 1")
			continue
		}
		m := kind.New().Interface()
		require.NoError(t, proto.Unmarshal(c.Body, m), name)

		sender := newPeerless(t, c.from())
		require.NoError(t, sender.SendMessage(to, m))
		sent, want := queued(sender.endpoint, to), encode(c.from(), to, name, c.Body)
		require.Len(t, sent, len(want), name)
		// Fields that version 1 does not know (SlaveInfo.checkpoint) move to the end of their message.
		start := bytes.LastIndex(want, c.Body)
		require.Equal(t, string(want[:start]), string(sent[:start]), name)
		require.Equal(t, string(want[start+len(c.Body):]), string(sent[start+len(c.Body):]), name)
		again := kind.New().Interface()
		require.NoError(t, proto.Unmarshal(sent[start:start+len(c.Body)], again), name)
		require.True(t, proto.Equal(m, again), name)
		compared++
	}
	require.Greater(t, compared, 20)
}

func TestSendMessageRefusesWhatCannotBeSent(t *testing.T) {
	p := newPeerless(t, ParseUPID("master@10.0.0.1:5050"))
	agent := ParseUPID("slave(1)@10.0.0.2:5051")
	require.ErrorContains(t, p.SendMessage(agent, &messagespb.PingSlaveMessage{}), "required field")
	require.EqualError(t, p.Send(NoPID, "mesos.internal.PongSlaveMessage", nil),
		`libprocess: "@0.0.0.0:0" can't be sent to; it needs an id, an IP and a port`)
	require.EqualError(t, p.Send(agent, "", nil), "libprocess: message to slave(1)@10.0.0.2:5051 has no name")
	require.EqualError(t, p.Send(agent, "a HTTP/1.1\r\nX: y", nil),
		`libprocess: message name "a HTTP/1.1\r\nX: y" must be letters, digits, . and _ only`)
	require.EqualError(t, p.SendNamed(agent, "a/b", &messagespb.PongSlaveMessage{}),
		`libprocess: message name "a/b" must be letters, digits, . and _ only`)
	require.Zero(t, p.endpoint.Stats().Queued)
}

func TestSizeEstimateFits(t *testing.T) {
	from := UPID{"scheduler-f950bf9d-24c4-4c16-a8fe-db39fd4c2c03", [4]byte{255, 255, 255, 255}, 65535}
	to := UPID{"executor(1)", [4]byte{255, 255, 255, 255}, 65535}
	body := make([]byte, 1<<20)
	require.LessOrEqual(t, len(encode(from, to, "mesos.internal.X", body)), requestSize(from.String(), to, "mesos.internal.X", len(body)))
}

// A peer chooses its id; whatever it is, the request stays one request and the receiver decodes the same id.
func FuzzHostileIDStaysInItsSegment(f *testing.F) {
	for _, id := range []string{"slave(1)", "a b", "a/b", "a?b", "a%41", "x HTTP/1.1\r\nEvil: y\r\n\r\n", "\x00\xff", "a#b", ".."} {
		f.Add(id)
	}
	from := ParseUPID("master@10.0.0.1:5050")
	f.Fuzz(func(t *testing.T, id string) {
		if id == "" {
			return
		}
		to := UPID{ID: id, IP: [4]byte{10, 0, 0, 2}, Port: 1}
		reader := bufio.NewReader(bytes.NewReader(encode(from, to, "a.B", []byte("x"))))
		request, err := http.ReadRequest(reader)
		require.NoError(t, err, "%q", id)
		got, name, refused := target(request.RequestURI)
		require.Nil(t, refused)
		require.Equal(t, id, got)
		require.Equal(t, "a.B", name)
		require.Len(t, request.Header, 3, "User-Agent, Libprocess-From, Connection")
		_, err = io.Copy(io.Discard, request.Body)
		require.NoError(t, err)
		_, err = reader.ReadByte()
		require.Equal(t, io.EOF, err, "nothing after the request")
	})
}

func FuzzTarget(f *testing.F) {
	for _, uri := range []string{"/master/a.B", "/slave%281%29/a.B?x=/y", "/master", "/", "", "*", "http://h:1/master/a.B", "http://h", "/%zz/a", "//a"} {
		f.Add(uri)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		id, name, refused := target(uri)
		if refused != nil {
			require.Contains(t, []int{400, 500}, refused.code)
			require.Empty(t, id+name)
			return
		}
		again, err := url.PathUnescape(url.PathEscape(id))
		require.NoError(t, err)
		require.Equal(t, id, again)
		require.NotContains(t, name, "?")
	})
}
