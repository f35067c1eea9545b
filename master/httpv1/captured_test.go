package httpv1_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto/recordio"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// records takes a captured body apart.
func records(t *testing.T, body []byte) (list []string) {
	t.Helper()
	for r := recordio.NewReader(strings.NewReader(string(body)), recordio.Config{}); ; {
		record, err := r.Next()
		if err != nil {
			return list // the capture may end within a record
		}
		list = append(list, string(record))
	}
}

// play sends the requests of a capture in order and compares the answers: status, headers and body, and
// of a stream what does not depend on agents. streams are those that are open, by the captured id.
func play(w *world, exchanges []exchange, streams map[string]*answer) {
	t := w.t
	translate := func(text string) string {
		for was, is := range streams {
			text = strings.ReplaceAll(text, was, is.Header.Get("Mesos-Stream-Id"))
		}
		return text
	}
	for _, e := range exchanges {
		if e.CloseBefore != "" {
			streams[e.CloseBefore].close()
		}
		if id := e.Request.Headers["Mesos-Stream-Id"]; id != "" {
			e.Request.Headers["Mesos-Stream-Id"] = translate(id)
		}
		what := e.Request.Method + " " + string(e.Request.bytes(t))
		a := w.send(&e.Request)
		require.Equal(t, e.Response.Status, a.StatusCode, what)
		require.Equal(t, e.Response.Headers["Content-Type"], a.Header.Get("Content-Type"), what)
		require.Equal(t, e.Response.Headers["Allow"], a.Header.Get("Allow"), what)
		if a.StatusCode != http.StatusOK {
			require.Equal(t, translate(e.Response.Body), a.text(t), what)
			continue
		}
		want := records(t, e.Response.bytes(t))
		isJSON := a.Header.Get("Content-Type") == jsonType
		require.NotEmpty(t, a.Header.Get("Mesos-Stream-Id"))
		require.Equal(t, []string{"chunked"}, a.TransferEncoding)
		first := a.next(t)
		if isJSON {
			require.Equal(t, withoutQuotaV2(want[0]), first, what)
		} else {
			require.Equal(t, want[0], first, what)
		}
		if isJSON && strings.HasPrefix(first, `{"type":"ERROR"`) {
			_, err := a.read.Next()
			require.ErrorIs(t, err, io.EOF, "a refused stream ends: %s", what)
			a.close()
			continue
		}
		require.Contains(t, want[1:], a.next(t), "a heartbeat follows at once; there may be offers before it")
		streams[e.Response.Headers["Mesos-Stream-Id"]] = a
	}
}

func TestRefusalsAreTheReferences(t *testing.T) {
	for _, prefix := range []string{"", "/master"} {
		inWorld(t, func(w *world) {
			for range 6 { // the captured framework is the seventh
				w.subscribeAndTearDown()
			}
			list := captured(t, "errors.jsonl")
			for i := range list {
				list[i].Request.Path = prefix + list[i].Request.Path
				list[i].Response.Body = strings.ReplaceAll(list[i].Response.Body,
					"3125d202-57a8-42a7-98e7-08bd43f3390a", "debe1c13-8614-4cf7-a3d5-ed5290e66302")
			}
			streams := make(map[string]*answer)
			play(w, list, streams)
			require.Len(t, streams, 1)
			for _, s := range streams {
				s.close()
			}
		})
	}
}

// Wrong and missing stream ids, a second subscriber of the same framework, a closed stream and its
// return, TEARDOWN and calls after it, odd subscriptions.
func TestSubscriptionsAreTheReferences(t *testing.T) {
	inWorld(t, func(w *world) {
		for range 2 { // the first captured framework is the third
			w.subscribeAndTearDown()
		}
		streams := make(map[string]*answer)
		play(w, captured(t, "subscribe.jsonl"), streams)
		superseded := streams["4b1b66f5-7f53-45fc-9cca-b1bb84e61b6a"]
		require.Equal(t, `{"type":"ERROR","error":{"message":"Framework failed over"}}`, superseded.next(t))
		_, err := superseded.read.Next()
		require.ErrorIs(t, err, io.EOF)
		for _, s := range streams {
			s.close()
		}
	})
}

// subscribeAndTearDown uses up a framework id.
func (w *world) subscribeAndTearDown() {
	w.t.Helper()
	stream, id := w.subscribe(framework("earlier"))
	code, _ := w.call(stream, &schedulerpb.Call{Type: schedulerpb.Call_TEARDOWN.Enum(), FrameworkId: id})
	require.Equal(w.t, http.StatusAccepted, code)
	synctest.Wait()
	require.Equal(w.t, schedulerpb.Event_HEARTBEAT, stream.event(w.t).GetType())
	_, err := stream.read.Next()
	require.ErrorIs(w.t, err, io.EOF)
	stream.close()
}

// JSON leaves the capability out that mesos-go dies of; protobuf has it.
func TestQuotaV2IsForProtobuf(t *testing.T) {
	inWorld(t, func(w *world) {
		stream := w.post("POST", "/api/v1/scheduler", strings.NewReader(`{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"root","name":"x"}}}`),
			map[string]string{"Content-Type": jsonType})
		first := stream.next(t)
		require.Contains(t, first, `{"type":"AGENT_DRAINING"}`)
		require.NotContains(t, first, "QUOTA_V2")
		stream.close()

		e := &schedulerpb.Event{}
		body, err := proto.Marshal(&schedulerpb.Call{Type: schedulerpb.Call_SUBSCRIBE.Enum(), Subscribe: &schedulerpb.Call_Subscribe{FrameworkInfo: framework("y")}})
		require.NoError(t, err)
		stream = w.post("POST", "/api/v1/scheduler", strings.NewReader(string(body)), map[string]string{"Content-Type": protobufType, "Accept": protobufType})
		require.NoError(t, proto.Unmarshal([]byte(stream.next(t)), e))
		require.Len(t, e.Subscribed.MasterInfo.Capabilities, 3)
		stream.close()
	})
}
