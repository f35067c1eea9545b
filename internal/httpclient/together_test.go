package httpclient

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gogo/status"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto/executorpb"
)

// messages are calls that can be told apart.
func messages(n int) []*executorpb.Call {
	calls := make([]*executorpb.Call, n)
	for i := range calls {
		calls[i] = call(executorpb.Call_MESSAGE)
		calls[i].Message = &executorpb.Call_Message{Data: fmt.Append(nil, i)}
	}
	return calls
}

// office notes what calls it gets, and over how many connections.
type office struct {
	mu          sync.Mutex
	got         []string
	connections map[string]bool
	answer      func(n string, w http.ResponseWriter)
}

func (o *office) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	c := new(executorpb.Call)
	if err := proto.Unmarshal(body, c); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	n := string(c.GetMessage().GetData())
	o.mu.Lock()
	o.got = append(o.got, n)
	if o.connections == nil {
		o.connections = make(map[string]bool)
	}
	o.connections[r.RemoteAddr] = true
	o.mu.Unlock()
	if o.answer != nil {
		o.answer(n, w)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

// seen is what it got, and over how many connections.
func (o *office) seen() (got []string, connections int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.got), len(o.connections)
}

// sendAll returns the code of each answer, and checks that there is one for each call, in order.
func sendAll(t *testing.T, c *executorClient, calls []*executorpb.Call) (answers []codes.Code) {
	c.SendAll(t.Context(), calls, func(i int, err error) {
		require.Len(t, answers, i)
		answers = append(answers, status.Code(err))
	})
	require.Len(t, answers, len(calls))
	return answers
}

func numbers(n int) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprint(i))
	}
	return list
}

func TestCallsThatAreSentTogetherArriveInOrderOverOneConnection(t *testing.T) {
	o := &office{answer: func(n string, w http.ResponseWriter) {
		if n == "3" {
			w.WriteHeader(http.StatusNotImplemented)
			io.WriteString(w, strings.Repeat("x", 2*MaxErrorBody))
			return
		}
		w.WriteHeader(http.StatusAccepted)
	}}
	c := connect(t, serve(t, o.ServeHTTP))
	want := make([]codes.Code, 10)
	want[3] = codes.Unimplemented
	require.Equal(t, want, sendAll(t, c, messages(10)))
	require.Equal(t, want, sendAll(t, c, messages(10)))
	got, connections := o.seen()
	require.Equal(t, append(numbers(10), numbers(10)...), got)
	require.Equal(t, 1, connections)
}

func TestACallThatCannotBeEncodedHoldsNoOtherUp(t *testing.T) {
	o := &office{}
	calls := messages(4)
	calls[1] = &executorpb.Call{Type: executorpb.Call_UPDATE.Enum()}
	require.Equal(t, []codes.Code{0, codes.InvalidArgument, 0, 0}, sendAll(t, connect(t, serve(t, o.ServeHTTP)), calls))
	got, _ := o.seen()
	require.Equal(t, []string{"0", "2", "3"}, got)
}

// "A server that sends a close connection option … MUST NOT process any further requests received on that
// connection": they go out again.
func TestAServerMayEndTheConnectionBetweenCalls(t *testing.T) {
	o := &office{answer: func(n string, w http.ResponseWriter) {
		if n == "4" {
			w.Header().Set("Connection", "close")
		}
		w.WriteHeader(http.StatusAccepted)
	}}
	require.Equal(t, make([]codes.Code, 10), sendAll(t, connect(t, serve(t, o.ServeHTTP)), messages(10)))
	got, _ := o.seen()
	require.Equal(t, numbers(10), got)
}

func TestWhatWasNotAnsweredIsLost(t *testing.T) {
	o := &office{answer: func(n string, w http.ResponseWriter) {
		if n == "2" {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(http.StatusAccepted)
	}}
	c := connect(t, serve(t, o.ServeHTTP))
	lost := codes.Unavailable
	require.Equal(t, []codes.Code{0, 0, lost, lost, lost}, sendAll(t, c, messages(5)))
	got, _ := o.seen()
	require.Equal(t, numbers(3), got, "nothing is sent twice")
	require.Equal(t, []codes.Code{0, 0}, sendAll(t, c, messages(2)), "over a new connection")
}

func TestNothingIsSentAfterALostCallOfAnAPIThatNeedsTheOrder(t *testing.T) {
	o := &office{answer: func(n string, w http.ResponseWriter) {
		if n == "2" {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusAccepted)
	}}
	lost := codes.Unavailable
	require.Equal(t, []codes.Code{0, 0, lost, lost, lost}, sendAll(t, connect(t, serve(t, o.ServeHTTP), inOrder), messages(5)))
	got, _ := o.seen()
	require.Equal(t, numbers(3), got)
}

func TestNobodyAnswersCallsThatAreSentTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silent := func(context.Context, string, string) (net.Conn, error) {
			here, there := net.Pipe()
			go func() {
				io.Copy(io.Discard, there)
				there.Close()
			}()
			return here, nil
		}
		c := connect(t, "http://a", func(c *executorConfig) { c.DialContext = silent })
		begin := time.Now()
		c.SendAll(t.Context(), messages(3), func(_ int, err error) {
			require.ErrorContains(t, err, "MESSAGE: no answer from agent within 30s")
		})
		require.Equal(t, 30*time.Second, time.Since(begin), "not for each")

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		n := 0
		c.SendAll(ctx, messages(3), func(_ int, err error) {
			require.ErrorIs(t, err, context.DeadlineExceeded)
			n++
		})
		require.Equal(t, 3, n)
	})
}

// A server may close a connection that rested, so it is not trusted.
func TestAConnectionThatRestedIsMadeAnew(t *testing.T) {
	o := &office{}
	c := connect(t, serve(t, o.ServeHTTP))
	sendAll(t, c, messages(2))
	c.together.used = c.together.used.Add(-maxRest - time.Millisecond)
	sendAll(t, c, messages(2))
	_, connections := o.seen()
	require.Equal(t, 2, connections)
}

func TestCallsAreSentTogetherOverTLS(t *testing.T) {
	o := &office{}
	s := httptest.NewUnstartedServer(o)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	c := connect(t, s.URL, func(c *executorConfig) {
		c.TLS = s.Client().Transport.(*http.Transport).TLSClientConfig
		c.Authorize = func(r *http.Request) { r.SetBasicAuth("me", "secret") }
	})
	o.answer = func(_ string, w http.ResponseWriter) { w.WriteHeader(http.StatusAccepted) }
	require.Equal(t, make([]codes.Code, 5), sendAll(t, c, messages(5)))
	got, connections := o.seen()
	require.Equal(t, numbers(5), got)
	require.Equal(t, 1, connections)
	require.NoError(t, c.Close())

	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	require.NoError(t, err)
	c = connect(t, "https://localhost:"+port)
	require.Equal(t, []codes.Code{codes.Unavailable, codes.Unavailable}, sendAll(t, c, messages(2)), "an unknown certificate")
}

// Of the calls after an answer that breaks off nobody knows whether the server has taken them.
func TestWhatFollowsAnAnswerThatBreaksOffIsLost(t *testing.T) {
	for name, body := range map[string]string{"breaks off": "x", "has no end": strings.Repeat("x", maxDrain+1)} {
		t.Run(name, func(t *testing.T) {
			o := &office{answer: func(n string, w http.ResponseWriter) {
				if n == "2" {
					w.Header().Set("Content-Length", fmt.Sprint(len(body)+1))
					w.WriteHeader(http.StatusAccepted)
					io.WriteString(w, body)
					http.NewResponseController(w).Flush()
					panic(http.ErrAbortHandler)
				}
				w.WriteHeader(http.StatusAccepted)
			}}
			c := connect(t, serve(t, o.ServeHTTP))
			lost := codes.Unavailable
			require.Equal(t, []codes.Code{0, 0, 0, lost, lost}, sendAll(t, c, messages(5)))
			got, _ := o.seen()
			require.Equal(t, numbers(3), got, "nothing is sent twice")
			require.Equal(t, []codes.Code{0, 0}, sendAll(t, c, messages(2)), "over a new connection")
		})
	}
}
