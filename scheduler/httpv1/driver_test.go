package httpv1

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gogo/status"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/httpclient"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/recordio"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
	"github.com/mesokit/mesokit/scheduler"
)

// leader is a master that serves one framework in either encoding, as far as these tests need it.
type leader struct {
	t      *testing.T
	codec  httpclient.Codec
	calls  chan *schedulerpb.Call
	events chan *schedulerpb.Event // nil event: end of stream
	live   atomic.Pointer[string]
}

func newLeader(t *testing.T, c httpclient.Codec) *leader {
	return &leader{t: t, codec: c, calls: make(chan *schedulerpb.Call, 100), events: make(chan *schedulerpb.Event, 100)}
}

func (l *leader) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	call := &schedulerpb.Call{}
	if l.codec.MediaType == httpclient.JSON.MediaType {
		err = jsonUnmarshalCall(body, call)
	} else {
		err = proto.Unmarshal(body, call)
	}
	if err != nil {
		http.Error(w, "Failed to parse body: "+err.Error(), http.StatusBadRequest)
		return
	}
	id := r.Header.Get(httpclient.StreamIDHeader)
	if call.GetType() != schedulerpb.Call_SUBSCRIBE {
		if live := l.live.Load(); live == nil || *live != id {
			http.Error(w, "Framework is not subscribed", http.StatusForbidden)
			return
		}
		l.calls <- call
		w.WriteHeader(http.StatusAccepted)
		return
	}
	l.calls <- call
	id = "stream-" + r.RemoteAddr
	l.live.Store(&id)
	w.Header().Set("Content-Type", l.codec.MediaType)
	w.Header().Set(httpclient.StreamIDHeader, id)
	for {
		select {
		case e := <-l.events:
			if e == nil {
				l.live.Store(nil)
				return
			}
			data, err := l.codec.Marshal(e)
			if err != nil {
				panic(err)
			}
			w.Write(recordio.AppendRecord(nil, data))
			w.(http.Flusher).Flush()
		case <-r.Context().Done():
			return
		}
	}
}

func (l *leader) subscribed() {
	l.events <- &schedulerpb.Event{
		Type: schedulerpb.Event_SUBSCRIBED.Enum(),
		Subscribed: &schedulerpb.Event_Subscribed{
			FrameworkId:              &mesosproto.FrameworkID{Value: proto.String("f-1")},
			HeartbeatIntervalSeconds: proto.Float64(15),
		},
	}
}

// steps tells its callbacks to the test.
type steps struct {
	scheduler.Base
	said chan string
}

func (s steps) Registered(_ *scheduler.Driver, id *mesosproto.FrameworkID, m *mesosproto.MasterInfo) {
	s.said <- "Registered " + id.GetValue()
}
func (s steps) Reregistered(*scheduler.Driver, *mesosproto.MasterInfo) { s.said <- "Reregistered" }
func (s steps) Disconnected(*scheduler.Driver)                         { s.said <- "Disconnected" }
func (s steps) ResourceOffers(d *scheduler.Driver, offers []*mesosproto.Offer) {
	s.said <- "Offers"
	d.Decline(scheduler.OfferIDs(offers...), scheduler.RefuseFor(time.Hour))
}
func (s steps) StatusUpdate(_ *scheduler.Driver, u *mesosproto.TaskStatus) {
	s.said <- "Update " + u.GetState().String()
}
func (s steps) Error(_ *scheduler.Driver, err error) {
	s.said <- "Error " + status.Convert(err).Message()
}

// TestDriverOverHTTP: redirect, offers, acknowledgement, a lost stream and its return, teardown; the
// same in both encodings.
func TestDriverOverHTTP(t *testing.T) {
	for _, inJSON := range []bool{false, true} {
		d, c := Dialer{JSON: inJSON}, httpclient.Protobuf
		if inJSON {
			c = httpclient.JSON
		}
		l := newLeader(t, c)
		leads := httptest.NewServer(l)
		var asked atomic.Int32
		follows := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			w.Header().Set("Location", strings.TrimPrefix(leads.URL, "http:")+r.URL.Path)
			w.WriteHeader(http.StatusTemporaryRedirect)
		}))
		s := steps{said: make(chan string, 100)}
		driver, err := scheduler.New(scheduler.Config{
			Framework: &mesosproto.FrameworkInfo{Name: proto.String("n"), User: proto.String("u")},
			Scheduler: s, Dialer: d, Master: strings.TrimPrefix(follows.URL, "http://"),
			BackoffFirst: time.Millisecond,
		})
		require.NoError(t, err)
		require.NoError(t, driver.Start())

		require.Nil(t, (<-l.calls).GetFrameworkId())
		l.subscribed()
		require.Equal(t, "Registered f-1", <-s.said)
		l.events <- &schedulerpb.Event{Type: schedulerpb.Event_HEARTBEAT.Enum()}
		l.events <- anOffer
		require.Equal(t, "Offers", <-s.said)
		decline := <-l.calls
		require.Equal(t, "f-1", decline.GetFrameworkId().GetValue())
		require.Equal(t, 3600.0, decline.GetDecline().GetFilters().GetRefuseSeconds())
		l.events <- anUpdate
		require.Equal(t, "Update TASK_RUNNING", <-s.said)
		require.Equal(t, anUpdate.GetUpdate().GetStatus().GetUuid(), (<-l.calls).GetAcknowledge().GetUuid())

		l.events <- nil
		require.Equal(t, "Disconnected", <-s.said)
		require.Equal(t, "f-1", (<-l.calls).GetSubscribe().GetFrameworkInfo().GetId().GetValue())
		l.subscribed()
		require.Equal(t, "Reregistered", <-s.said)
		require.EqualValues(t, 2, asked.Load(), "the master that was named is asked again")

		// The master forgets the framework while the stream stays open: the next call finds out.
		none := "none"
		l.live.Store(&none)
		require.NoError(t, driver.Revive())
		require.Equal(t, "Error scheduler call REVIVE: Framework is not subscribed", <-s.said)
		require.Equal(t, "Disconnected", <-s.said)
		require.Equal(t, schedulerpb.Call_SUBSCRIBE, (<-l.calls).GetType())
		l.subscribed()
		require.Equal(t, "Reregistered", <-s.said)

		driver.Stop(false)
		require.NoError(t, driver.Join())
		require.Equal(t, schedulerpb.Call_TEARDOWN, (<-l.calls).GetType())
		leads.Close()
		follows.Close()
	}
}

// TestDriverWaitsInACircle: masters that each name the other are asked a few times, then with waits.
func TestDriverWaitsInACircle(t *testing.T) {
	var asked atomic.Int32
	enough := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == 6 {
			close(enough)
		}
		w.Header().Set("Location", "//"+r.Host+r.URL.Path)
		w.WriteHeader(http.StatusTemporaryRedirect)
	}))
	defer server.Close()
	driver, err := scheduler.New(scheduler.Config{
		Framework: &mesosproto.FrameworkInfo{Name: proto.String("n"), User: proto.String("u")},
		Scheduler: steps{}, Dialer: Dialer{}, Master: strings.TrimPrefix(server.URL, "http://"),
		BackoffFirst: time.Hour, BackoffMax: time.Hour,
	})
	require.NoError(t, err)
	require.NoError(t, driver.Start())
	<-enough
	driver.Stop(true)
	require.NoError(t, driver.Join())
	require.EqualValues(t, 6, asked.Load())
}

func TestDriverEndsWhenRefused(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "401 Unauthorized.", http.StatusUnauthorized)
	}))
	defer server.Close()
	s := steps{said: make(chan string, 1)}
	driver, err := scheduler.New(scheduler.Config{
		Framework: &mesosproto.FrameworkInfo{Name: proto.String("n"), User: proto.String("u")},
		Scheduler: s, Dialer: Dialer{}, Master: strings.TrimPrefix(server.URL, "http://"),
	})
	require.NoError(t, err)
	err = driver.Run(t.Context())
	require.Equal(t, codes.Unauthenticated, status.Code(err))
	require.Equal(t, "Error 401 Unauthorized.", <-s.said)
}
