package httpv1_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/master"
	"github.com/mesokit/mesokit/master/httpv1"
	"github.com/mesokit/mesokit/master/registry"
	"github.com/mesokit/mesokit/master/registry/memory"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

func TestPaths(t *testing.T) {
	inWorld(t, func(w *world) {
		for path, want := range map[string]int{
			"/api/v1/scheduler": 405, "/api/v1/scheduler/": 405, "/api/v1/scheduler/x/y": 405, "/master/api/v1/scheduler": 405,
			"/master/api/v1/scheduler/x": 405, "/api/v1/schedulers": 404, "/api/v1": 404, "/slave(1)/api/v1/scheduler": 404,
		} {
			a := w.post("GET", path, nil, nil)
			require.Equal(t, want, a.StatusCode, path)
			a.close()
		}
	})
}

// elsewhere is an election that another master has won, or nobody.
type elsewhere struct{ leader *mesosproto.MasterInfo }

func (e elsewhere) Contend(_ *mesosproto.MasterInfo, leader func(*mesosproto.MasterInfo)) func() {
	leader(e.leader)
	return func() {}
}

// Leadership is looked at before anything else.
func TestNotTheLeader(t *testing.T) {
	for _, row := range []struct {
		leader   *mesosproto.MasterInfo
		code     int
		location string
		text     string
	}{
		{&mesosproto.MasterInfo{Id: proto.String("a"), Ip: proto.Uint32(0x0200007f), Port: proto.Uint32(5055), Hostname: proto.String("leader.example")},
			http.StatusTemporaryRedirect, "//leader.example:5055/master/api/v1/scheduler?x=%20y", ""},
		{&mesosproto.MasterInfo{Id: proto.String("a"), Ip: proto.Uint32(0x0200007f), Port: proto.Uint32(5055)},
			http.StatusTemporaryRedirect, "//127.0.0.2:5055/master/api/v1/scheduler?x=%20y", ""},
		{nil, http.StatusServiceUnavailable, "", "No leader elected"},
	} {
		inWorld(t, func(w *world) {
			for _, method := range []string{"GET", "POST"} {
				a := w.post(method, "/master/api/v1/scheduler?x=%20y", strings.NewReader("{bad"), nil)
				require.Equal(t, row.code, a.StatusCode)
				require.Equal(t, row.location, a.Header.Get("Location"))
				require.Equal(t, row.text, a.text(t))
			}
		}, func(c *master.Config) { c.Election = elsewhere{row.leader} })
	}
}

// slow is a storage whose first Load waits.
type slow struct {
	memory.Storage
	release chan struct{}
}

func (s *slow) Load(ctx context.Context) ([]registry.Entry, error) {
	<-s.release
	return s.Storage.Load(ctx)
}

var _ registry.Storage = (*slow)(nil)

func TestRecovering(t *testing.T) {
	storage := &slow{release: make(chan struct{})}
	synctest.Test(t, func(t *testing.T) {
		storage.release = make(chan struct{})
		w := open(t, func(c *master.Config) { c.Storage = storage })
		defer w.close()
		a := w.post("GET", "/api/v1/scheduler", nil, nil)
		require.Equal(t, http.StatusServiceUnavailable, a.StatusCode)
		require.Equal(t, "Master has not finished recovery", a.text(t))
		close(storage.release)
		synctest.Wait()
		stream, _ := w.subscribe(framework("x"))
		stream.close()
	})
}

// The second event of a stream is a heartbeat, and then one comes every 15s.
func TestHeartbeats(t *testing.T) {
	inWorld(t, func(w *world) {
		began := time.Now()
		stream, _ := w.subscribe(framework("x"))
		for i := range 5 {
			require.Equal(t, schedulerpb.Event_HEARTBEAT, stream.event(t).GetType())
			require.Equal(t, time.Duration(i)*15*time.Second, time.Since(began))
		}
		stream.close()
	})
}

// UPDATE_FRAMEWORK is answered with what became of it.
func TestUpdateFrameworkIsSynchronous(t *testing.T) {
	inWorld(t, func(w *world) {
		info := framework("x")
		stream, id := w.subscribe(info)
		info.Id = id
		update := func() (int, string) {
			return w.call(stream, &schedulerpb.Call{
				Type: schedulerpb.Call_UPDATE_FRAMEWORK.Enum(), FrameworkId: id, UpdateFramework: &schedulerpb.Call_UpdateFramework{FrameworkInfo: info},
			})
		}
		info.Name = proto.String("renamed")
		code, text := update()
		require.Equal(t, http.StatusOK, code, text)
		require.Empty(t, text)
		info.Checkpoint = proto.Bool(true)
		code, text = update()
		require.Equal(t, http.StatusBadRequest, code)
		require.Contains(t, text, "FrameworkInfo update is not valid")
		stream.close()
	})
}

func TestAddress(t *testing.T) {
	for want, info := range map[string]*mesosproto.MasterInfo{
		"":               nil,
		"h:1":            {Hostname: proto.String("h"), Port: proto.Uint32(1)},
		"10.0.0.1:5050":  {Ip: proto.Uint32(0x0100000a), Port: proto.Uint32(5050)},
		"[::1]:5050":     {Ip: proto.Uint32(0), Address: &mesosproto.Address{Ip: proto.String("::1")}, Port: proto.Uint32(5050)},
		"10.0.0.9:5051":  {Ip: proto.Uint32(1), Address: &mesosproto.Address{Ip: proto.String("10.0.0.9")}, Port: proto.Uint32(5051)},
		"h.example:5050": {Hostname: proto.String("h.example"), Ip: proto.Uint32(0x0100000a), Port: proto.Uint32(5050)},
	} {
		require.Equal(t, want, httpv1.Address(info))
	}
}
