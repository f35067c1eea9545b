package schedulertest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/loop"
)

// trace records what arrived where and when, as text for people and as a hash for comparing runs.
type trace struct {
	sim   *loop.Sim
	hash  hash.Hash
	lines []string // the last maxLines
}

// maxLines is how much of a trace is kept for people.
const maxLines = 4096

func newTrace(sim *loop.Sim) *trace { return &trace{sim: sim, hash: sha256.New()} }

func (t *trace) note(what string) {
	if what == "" {
		return
	}
	line := fmt.Sprintf("%12s  %s", t.sim.Now().Sub(loop.Epoch).Round(time.Microsecond), what)
	fmt.Fprintln(t.hash, line)
	if len(t.lines) >= 2*maxLines {
		t.lines = append(t.lines[:0], t.lines[maxLines:]...)
	}
	t.lines = append(t.lines, line)
}

// describe names a message and its bytes in deterministic form: texts of messages vary from build to
// build, on purpose.
func (t *trace) describe(from, to string, m proto.Message) string {
	b, err := proto.MarshalOptions{Deterministic: true, AllowPartial: true}.Marshal(m)
	if err != nil {
		return fmt.Sprintf("%s > %s  %s (%v)", from, to, name(m), err)
	}
	sum := sha256.Sum256(b)
	return fmt.Sprintf("%s > %s  %s %d bytes %s", from, to, name(m), len(b), hex.EncodeToString(sum[:4]))
}

// name is a message's type, with the kind of call or event.
func name(m proto.Message) string {
	r := m.ProtoReflect()
	n := string(r.Descriptor().Name())
	if f := r.Descriptor().Fields().ByName("type"); f != nil && f.Enum() != nil {
		if v := f.Enum().Values().ByNumber(r.Get(f).Enum()); v != nil {
			n += " " + string(v.Name())
		}
	}
	return n
}

func (t *trace) sum() string { return hex.EncodeToString(t.hash.Sum(nil)) }

func (t *trace) text() string { return strings.Join(t.lines, "\n") }

// tail is the last n lines.
func (t *trace) tail(n int) string { return strings.Join(t.lines[max(0, len(t.lines)-n):], "\n") }
