package goldentest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// line is one line of a recording. Exactly one of Request, Response, Event or EventBytes, Ended, Closed
// and Started is set.
type line struct {
	Connection int
	Note       string

	Request   string              // of the client: the request line
	Response  string              // of the server: the status line
	Headers   map[string][]string // of either
	Body      string
	BodyBytes []byte `json:"body_base64"`

	Event      string // of a stream, as JSON
	EventBytes []byte `json:"event_base64"` // as protobuf

	Ended   bool   // the server ended the stream
	Closed  bool   // the client closed the connection
	Started string // task whose command the client gave time to start
}

func (l line) body() []byte {
	if l.BodyBytes != nil {
		return l.BodyBytes
	}
	return []byte(l.Body)
}

func read(t *testing.T, name string) []line {
	data, err := os.ReadFile("testdata/" + name + ".jsonl")
	require.NoError(t, err)
	var lines []line
	s := bufio.NewScanner(bytes.NewReader(data))
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		var l line
		require.NoError(t, json.Unmarshal(s.Bytes(), &l))
		lines = append(lines, l)
	}
	require.NoError(t, s.Err())
	require.NotEmpty(t, lines)
	return lines
}
