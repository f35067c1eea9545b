package mesosjson

// lookup finds fields by name. It is a hash table that knows all its keys beforehand: much faster
// than a map, and it is asked for every name in the input.
type lookup struct {
	slots []*field // a power of two of them, at least half of them nil
	names vocabulary
}

func newLookup(fields []field, names vocabulary) lookup {
	size := 4
	for size < 2*len(fields) {
		size *= 2
	}
	l := lookup{slots: make([]*field, size), names: names}
	for i := range fields {
		f := &fields[i]
		slot := hash(f.name[names])
		for l.at(slot) != nil {
			slot++
		}
		l.slots[slot&uint(size-1)] = f
	}
	return l
}

func (l lookup) at(slot uint) *field { return l.slots[slot&uint(len(l.slots)-1)] }

// find returns the field with that name, or nil.
func (l lookup) find(name []byte) *field {
	slot := hash(name)
	for {
		f := l.at(slot)
		if f == nil || f.name[l.names] == string(name) {
			return f
		}
		slot++
	}
}

// hash tells the names of one message apart well enough by length and three bytes.
func hash[T string | []byte](name T) uint {
	n := uint(len(name))
	if n == 0 {
		return 0
	}
	return n + 7*uint(name[0]) + 31*uint(name[n-1]) + 131*uint(name[n/2])
}
