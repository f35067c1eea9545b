package httpv1

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/gogo/status"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/mesokit/mesokit/executor"
	"github.com/mesokit/mesokit/mesosproto/executorpb"
)

func TestWhereTheAgentIs(t *testing.T) {
	for want, c := range map[string]struct {
		dialer Dialer
		agent  executor.Agent
	}{
		"http://10.0.0.1:5051/api/v1/executor":      {Dialer{}, executor.Agent{Endpoint: "10.0.0.1:5051"}},
		"https://10.0.0.1:5051/api/v1/executor":     {Dialer{}, executor.Agent{Endpoint: "10.0.0.1:5051", TLS: true}},
		"https://h:1/api/v1/executor":               {Dialer{TLS: &tls.Config{}}, executor.Agent{Endpoint: "h:1"}},
		"http://h:1/slave(1)/api/v1/executor":       {Dialer{Path: "/slave(1)/api/v1/executor"}, executor.Agent{Endpoint: "h:1"}},
		"http://h:1/api":                            {Dialer{Path: "api"}, executor.Agent{Endpoint: "h:1"}},
		"http://localhost/api/v1/executor":          {Dialer{}, executor.Agent{Endpoint: "h:1", DomainSocket: "/x"}},
		"http://localhost/slave(1)/api/v1/executor": {Dialer{Path: "/slave(1)/api/v1/executor", TLS: &tls.Config{}}, executor.Agent{DomainSocket: "/x", TLS: true}},
	} {
		require.Equal(t, want, c.dialer.dial(c.agent).URL())
	}
}

func beat() *executorpb.Call { return &executorpb.Call{Type: executorpb.Call_HEARTBEAT.Enum()} }

// heartbeat is a complete call.
func heartbeat(t *testing.T) *executorpb.Call {
	c := recorded(t, "testdata/mesos-go.jsonl")[0].call(t)
	c.Type, c.Subscribe = beat().Type, nil
	return c
}

func TestUnixSocket(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "agent.sock")
	listener, err := net.Listen("unix", socket)
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusAccepted)
	}))
	server.Listener = listener
	server.Start()
	defer server.Close()
	agent := executor.Agent{DomainSocket: socket, Endpoint: "not:used"}
	c := Dialer{}.dial(agent)
	require.NoError(t, c.Send(t.Context(), heartbeat(t)))
	c.Close()

	c = Dialer{DialContext: func(_ context.Context, network, address string) (net.Conn, error) {
		require.Equal(t, "unix", network)
		require.Equal(t, socket, address)
		return nil, io.ErrUnexpectedEOF
	}}.dial(agent)
	err = c.Send(t.Context(), heartbeat(t))
	require.Equal(t, codes.Unavailable, status.Code(err))
	require.ErrorContains(t, err, "HEARTBEAT to agent "+socket+": unexpected EOF")
}

func TestTokenAndTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer geheim" {
			http.Error(w, "401 Unauthorized.", http.StatusUnauthorized)
			return
		}
		w.WriteHeader(http.StatusAccepted)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains about the client that refuses it
	server.StartTLS()
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	at := executor.Agent{Endpoint: server.Listener.Addr().String(), TLS: true}
	send := func(d Dialer, agent executor.Agent) error {
		c := d.dial(agent)
		defer c.Close()
		return c.Send(t.Context(), heartbeat(t))
	}
	require.Equal(t, codes.Unavailable, status.Code(send(Dialer{}, at)), "a certificate of nobody we know")
	err := send(Dialer{TLS: &tls.Config{RootCAs: roots}}, at)
	require.Equal(t, codes.Unauthenticated, status.Code(err))
	at.Token = "geheim"
	require.NoError(t, send(Dialer{TLS: &tls.Config{RootCAs: roots}}, at))
}

func TestOnlyWhatMayComeTwiceIsRepeated(t *testing.T) {
	for name, number := range executorpb.Call_Type_value {
		call := &executorpb.Call{Type: executorpb.Call_Type(number).Enum()}
		require.Equal(t, name == "UPDATE" || name == "HEARTBEAT", repeatable(call), name)
	}
}
