package goldentest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http/httputil"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mesokit/mesokit/mesosproto/recordio"
)

// connection is one of the client's, spoken as the recording has it: no HTTP client in between.
type connection struct {
	net.Conn
	in *bufio.Reader
}

func dial(address string) (*connection, error) {
	c, err := net.DialTimeout("tcp4", address, patience)
	if err != nil {
		return nil, err
	}
	return &connection{Conn: c, in: bufio.NewReader(c)}, nil
}

// own are headers that depend on where and what is sent.
var own = []string{"Host", "Content-Length"}

func (c *connection) send(request string, headers map[string][]string, body []byte, translate func(string) string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\r\nHost: %s\r\n", request, c.RemoteAddr())
	for name, values := range headers {
		if slices.Contains(own, name) {
			continue
		}
		for _, v := range values {
			fmt.Fprintf(&b, "%s: %s\r\n", name, translate(v))
		}
	}
	if _, ok := headers["Content-Length"]; ok {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n")
	b.Write(body)
	_, err := c.Write([]byte(b.String()))
	return err
}

// response is an answer. If it is a stream its events come through events, which is closed at its end.
type response struct {
	status  string
	headers textproto.MIMEHeader
	body    []byte
	events  chan []byte
}

// answered waits until the answer begins to arrive.
func (c *connection) answered() error {
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	_, err := c.in.Peek(1)
	return err
}

func (c *connection) receive() (*response, error) {
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	r := textproto.NewReader(c.in)
	status, err := r.ReadLine()
	if err != nil {
		return nil, err
	}
	headers, err := r.ReadMIMEHeader()
	if err != nil {
		return nil, err
	}
	out := &response{status: status, headers: headers}
	if headers.Get("Transfer-Encoding") == "chunked" {
		out.events = make(chan []byte, 4096)
		if err := c.SetReadDeadline(time.Time{}); err != nil {
			return nil, err
		}
		go func() {
			defer close(out.events)
			records := recordio.NewReader(httputil.NewChunkedReader(c.in), recordio.Config{})
			for {
				e, err := records.Next()
				if err != nil {
					return
				}
				out.events <- slices.Clone(e)
			}
		}()
		return out, nil
	}
	length, err := strconv.Atoi(headers.Get("Content-Length"))
	if err != nil {
		return nil, fmt.Errorf("Content-Length %q: %w", headers.Get("Content-Length"), err)
	}
	out.body = make([]byte, length)
	_, err = io.ReadFull(c.in, out.body)
	return out, err
}
