package libprocess

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"go.uber.org/zap"
)

// Handler receives libprocess messages and hands all other requests to fallback (nil: 404).
//
// A message is a POST whose User-Agent begins with libprocess/ or that has a Libprocess-From. The first segment of its
// path, decoded, is the process id, the rest its name. It is answered 202 as soon as its receiver has it, 404 if there
// is no such process, 400 if the path has no slash or the sender's IP is refused, 500 if the path can't be decoded, 413
// if the body is larger than Config.MessageBytes, 503 after Close. Any framing of the body is fine: chunks,
// Content-Length, none.
//
// The server should not time out idle connections, because their other end takes that for our failure;
// [Endpoint.Server] returns one that does not. It must give every connection its own Request.RemoteAddr: connections
// that share one share the limit of messages not done.
//
// Source: Mesos 3rdparty/libprocess/src/process.cpp, ProcessManager::handle and parse.
func (e *Endpoint) Handler(fallback http.Handler) http.Handler {
	if fallback == nil {
		fallback = http.NotFoundHandler()
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isMessage(r.Method, r.Header) {
			e.receive(w, r)
		} else {
			fallback.ServeHTTP(w, r)
		}
	})
}

// Server returns a server of [Endpoint.Handler] that suits libprocess: it never times out a connection, and logs to the
// endpoint's logger. It is the caller's to start and to close.
func (e *Endpoint) Server(fallback http.Handler) *http.Server {
	server := &http.Server{Handler: e.Handler(fallback), MaxHeaderBytes: 64 << 10}
	if errorLog, err := zap.NewStdLogAt(e.log, zap.DebugLevel); err == nil {
		server.ErrorLog = errorLog
	}
	return server
}

func (e *Endpoint) receive(w http.ResponseWriter, r *http.Request) {
	id, name, refused := target(r.RequestURI)
	from := sender(r.Header)
	if refused == nil && e.cfg.RequirePeerIPMatch {
		refused = checkPeerIP(from, r.RemoteAddr)
	}
	var process *Process
	if refused == nil {
		if process = e.process(id); process == nil {
			refused = notFound()
		}
	}
	if refused == nil {
		refused = e.receiveFor(process, from, name, w, r)
	}
	if refused != nil {
		e.refuse(w, r, refused)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

// receiveFor waits for a place, reads the body and delivers it.
func (e *Endpoint) receiveFor(process *Process, from UPID, name string, w http.ResponseWriter, r *http.Request) *refusal {
	place := e.admit(r.RemoteAddr, process)
	if place == nil {
		return e.goneRefusal()
	}
	body, held, err := e.readBody(w, r)
	place.held = held
	if err != nil {
		place.done()
		return bodyRefusal(err)
	}
	return e.deliver(place, from, name, body)
}

// deliver calls the receiver, unless its process or the endpoint is gone by now.
func (e *Endpoint) deliver(place *delivery, from UPID, name string, body []byte) *refusal {
	e.mu.Lock()
	if e.closed || place.process.terminated {
		e.mu.Unlock()
		place.done()
		return e.goneRefusal()
	}
	place.pend()
	e.deliveries.Add(1)
	e.mu.Unlock()
	defer e.deliveries.Done()

	if line := e.log.Check(zap.DebugLevel, "message received"); line != nil {
		line.Write(zap.Stringer("from", from),
			zap.String("to", place.process.pid.ID), zap.String("name", name), zap.Int("bytes", len(body)))
	}
	e.received.Add(1)
	place.process.receiver.Receive(from, name, body, place.done)
	return nil
}

// refuse answers a message that nobody gets. The connection goes on, after the rest of the body is thrown away,
// unless the refusal says otherwise or the body has no end.
func (e *Endpoint) refuse(w http.ResponseWriter, r *http.Request, refused *refusal) {
	e.refused.Add(1)
	e.log.Debug("message refused", zap.Int("code", refused.code), zap.String("reason", refused.text),
		zap.String("path", r.RequestURI), zap.Stringer("from", sender(r.Header)), zap.String("remote", r.RemoteAddr))
	end := refused.end
	if !end && r.Body != nil {
		n, err := io.CopyN(io.Discard, r.Body, e.cfg.MessageBytes+1)
		end = err != io.EOF || n > e.cfg.MessageBytes
	}
	header := w.Header()
	if end {
		header.Set("Connection", "close")
		// net/http would wait for more of the body before it closes; a peer may never send it.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now())
	}
	header["Content-Type"] = nil // the reference sends none
	header.Set("Content-Length", strconv.Itoa(len(refused.text)))
	w.WriteHeader(refused.code)
	_, _ = io.WriteString(w, refused.text) // whether it arrives is the peer's business
}

// goneRefusal is the answer when the process, or the whole endpoint, has gone since the message began.
func (e *Endpoint) goneRefusal() *refusal {
	select {
	case <-e.closing:
		return &refusal{http.StatusServiceUnavailable, "503 Service Unavailable.", true}
	default:
		return notFound()
	}
}

func bodyRefusal(err error) *refusal {
	switch {
	case errors.Is(err, errTooLarge):
		return &refusal{http.StatusRequestEntityTooLarge, "413 Request Entity Too Large.", true}
	case errors.Is(err, ErrClosed):
		return &refusal{http.StatusServiceUnavailable, "503 Service Unavailable.", true}
	}
	return &refusal{http.StatusBadRequest, "Failed to read message body: " + err.Error(), true}
}
