package schedulertest

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
)

// history holds the hashes of what an agent tells whenever it comes back: itself, and the frameworks that
// had something on it. Both are most of the message, and nearly the same each time, so they are hashed when
// they are first told.
type history struct {
	info     *mesosproto.AgentInfo
	infoHash uint64
	list     []*messagespb.Archive_Framework
	listHash uint64
	parts    map[*messagespb.Archive_Framework]uint64 // of list
	told     int                                      // how often
}

// looksEvery is how often a part of a history is hashed anew.
const looksEvery = 16

// hashOfReturn is the hash of an agent that comes back.
func (t *trace) hashOfReturn(from string, m *messagespb.ReregisterSlaveMessage) uint64 {
	h := t.histories[from]
	if h == nil {
		h = &history{}
		t.histories[from] = h
	}
	info, archives := m.Slave, m.CompletedFrameworks
	if h.info != info {
		h.info, h.infoHash = info, t.hashOfBytes(info)
	}
	h.learn(t, archives)
	m.Slave, m.CompletedFrameworks = nil, nil // nobody else sees it meanwhile
	rest := t.hashOfBytes(m)
	m.Slave, m.CompletedFrameworks = info, archives
	return hashOfHashes(h.infoHash, h.listHash, rest)
}

// learn hashes what is new in a list.
func (h *history) learn(t *trace, list []*messagespb.Archive_Framework) {
	if len(list) == len(h.list) && (len(list) == 0 || &list[0] == &h.list[0]) && h.parts != nil {
		return // lists are shared, and never overwritten
	}
	parts, hashes := make(map[*messagespb.Archive_Framework]uint64, len(list)), make([]uint64, len(list))
	for i, f := range list {
		hash, known := h.parts[f]
		if !known {
			hash = t.hashOfBytes(f)
		}
		parts[f], hashes[i] = hash, hash
	}
	h.list, h.parts, h.listHash = list, parts, hashOfHashes(hashes...)
}

// holds hashes a part of the history anew now and then, each time another, and reports whether it is as it
// was.
func (h *history) holds(t *trace) bool {
	if h.told++; h.told%looksEvery != 0 {
		return true
	}
	if n := h.told / looksEvery % (len(h.list) + 1); n < len(h.list) {
		return h.parts[h.list[n]] == t.hashOfBytes(h.list[n])
	}
	return h.infoHash == t.hashOfBytes(h.info)
}

// unchanged reports whether a message is as it was when its hash was taken.
func (t *trace) unchanged(from string, m proto.Message, hash uint64) bool {
	if t.hashOf(from, m) != hash {
		return false
	}
	if _, ok := m.(*messagespb.ReregisterSlaveMessage); ok {
		return t.histories[from].holds(t)
	}
	return true
}

func hashOfHashes(hashes ...uint64) uint64 {
	var sum xxhash.Digest
	sum.Reset()
	var b [8]byte
	for _, hash := range hashes {
		binary.LittleEndian.PutUint64(b[:], hash)
		sum.Write(b[:])
	}
	return sum.Sum64()
}
