package framework

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
)

// word is a call of Apply, or of Remove: then spec is nil.
type word struct{ spec *spec }

// declared is what the store says of a spec: what was said last counts. A start says something only if
// Config differs from what it was at the last one; so what Apply has changed outlives the process, and
// holds for one that stands by with the same Config, too.
type declared struct {
	spec   *spec  // nil: it is removed
	config string // identifies what Config said last; empty: it had no such spec
}

// stored is the form of it in the store.
type stored struct {
	Spec   json.RawMessage `json:"spec,omitempty"` // a declaration
	Config string          `json:"config,omitempty"`
}

func specKey(name string) string { return specPrefix + name }

func decodeDeclared(name string, value []byte) (*declared, error) {
	var s stored
	if err := json.Unmarshal(value, &s); err != nil {
		return nil, err
	}
	d := &declared{config: s.Config}
	if s.Spec == nil {
		return d, nil
	}
	var x declaration
	err := json.Unmarshal(s.Spec, &x)
	if err == nil {
		d.spec, err = x.spec(name)
	}
	return d, err
}

// fingerprint identifies all that a spec says; empty if there is none.
func (s *spec) fingerprint() string {
	if s == nil {
		return ""
	}
	sum := sha256.Sum256(s.text)
	return hex.EncodeToString(sum[:8])
}

// same tells whether two specs, which may be nil, say the same.
func (s *spec) same(o *spec) bool {
	return s == nil && o == nil || s != nil && o != nil && bytes.Equal(s.text, o.text)
}

// recall begins with what is stored, and with what Config says, if that is new.
func (c *core) recall(specs map[string]*declared) {
	c.declared = specs
	if c.ending {
		return // nobody will run what is new
	}
	names := map[string]bool{}
	for name := range specs {
		names[name] = true
	}
	for name := range c.framework.config {
		names[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		said := c.framework.config[name]
		d := specs[name]
		if d == nil {
			d = &declared{}
		}
		if config := said.fingerprint(); config != d.config {
			d.spec, d.config = said, config
			c.declare(name, d)
		}
	}
}

// declare notes what is declared under a name, and that it is to be saved.
func (c *core) declare(name string, d *declared) {
	if d.spec == nil && d.config == "" {
		delete(c.declared, name)
		c.changes[specKey(name)] = nil
		return
	}
	c.declared[name] = d
	s := stored{Config: d.config}
	if d.spec != nil {
		s.Spec = d.spec.text
	}
	c.changes[specKey(name)] = encode(s)
}

// adopt takes over what is declared now.
func (c *core) adopt() {
	if c.framework.ending.Load() && !c.ending {
		c.ending = true
		c.changes[endKey] = []byte("true")
	}
	c.heard = *c.framework.words.Load()
	for _, name := range slices.Sorted(maps.Keys(c.heard)) {
		said, d := c.heard[name], c.declared[name]
		if d == nil {
			d = &declared{}
		}
		if !said.spec.same(d.spec) {
			d.spec = said.spec
			c.declare(name, d)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.declared)) {
		s := c.declared[name].spec
		if s == nil {
			continue
		}
		if w := c.workload(name); w.spec != s {
			w.spec, w.refused, w.dirty = s, nil, true
		}
	}
	for _, name := range c.names {
		if d := c.declared[name]; d == nil || d.spec == nil {
			w := c.specs[name]
			w.spec, w.dirty = nil, true
			c.resize(w, 0)
		}
	}
}

// say keeps a word until it is saved.
func (f *Framework) say(name string, s *spec) {
	w := &word{s}
	f.change(func(words map[string]*word) { words[name] = w })
	f.post((*core).everything)
}

// saved forgets words that the store knows.
func (f *Framework) saved(words map[string]*word) {
	if len(words) > 0 {
		f.change(func(kept map[string]*word) {
			maps.DeleteFunc(kept, func(name string, w *word) bool { return words[name] == w })
		})
	}
}

// change replaces the words by others.
func (f *Framework) change(how func(map[string]*word)) {
	for {
		old := f.words.Load()
		words := maps.Clone(*old)
		how(words)
		if f.words.CompareAndSwap(old, &words) {
			return
		}
	}
}
