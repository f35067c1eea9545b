package offer

import (
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// Offer is an outstanding offer: resources of one agent, allocated to one role of one framework. Its
// exported fields are immutable once it was added to a [Book].
type Offer struct {
	ID          string
	FrameworkID string
	AgentID     string
	Role        string
	Resources   resources.Resources

	// Unavailability is when the agent's machine is under maintenance; nil: never.
	Unavailability *mesosproto.Unavailability

	// Inverse marks an inverse offer: it asks for resources back and offers none.
	Inverse bool

	links [2]links // in the lists of its framework and its agent; the book's own
}

// links chain the offers of a list.
type links struct{ previous, next *Offer }

const (
	ofFramework = iota
	ofAgent
)

// list holds the offers of one framework or agent, oldest first.
type list struct{ first, last *Offer }

// Book holds outstanding offers and inverse offers, which share one series of ids. The zero Book is
// empty and ready for use.
type Book struct {
	offers  map[string]*Offer
	lists   [2]map[string]*list
	inverse int
}

// Add enters an offer. Its id must be new.
func (b *Book) Add(o *Offer) {
	if b.offers == nil {
		b.offers = make(map[string]*Offer)
		b.lists = [2]map[string]*list{make(map[string]*list), make(map[string]*list)}
	}
	b.offers[o.ID] = o
	b.link(ofFramework, o.FrameworkID, o)
	b.link(ofAgent, o.AgentID, o)
	if o.Inverse {
		b.inverse++
	}
}

func (b *Book) link(which int, key string, o *Offer) {
	l := b.lists[which][key]
	if l == nil {
		l = &list{}
		b.lists[which][key] = l
	}
	o.links[which] = links{previous: l.last}
	if l.last == nil {
		l.first = o
	} else {
		l.last.links[which].next = o
	}
	l.last = o
}

func (b *Book) unlink(which int, key string, o *Offer) {
	l, at := b.lists[which][key], o.links[which]
	if at.previous == nil {
		l.first = at.next
	} else {
		at.previous.links[which].next = at.next
	}
	if at.next == nil {
		l.last = at.previous
	} else {
		at.next.links[which].previous = at.previous
	}
	o.links[which] = links{}
	if l.first == nil {
		delete(b.lists[which], key)
	}
}

func (b *Book) all(which int, key string, inverse bool) (offers []*Offer) {
	l := b.lists[which][key]
	if l == nil {
		return nil
	}
	for o := l.first; o != nil; o = o.links[which].next {
		if o.Inverse == inverse {
			offers = append(offers, o)
		}
	}
	return offers
}

// Get returns an outstanding offer, or nil. Inverse offers are found by [Book.GetInverse] only.
func (b *Book) Get(id string) *Offer {
	if o := b.offers[id]; o != nil && !o.Inverse {
		return o
	}
	return nil
}

// GetInverse returns an outstanding inverse offer, or nil.
func (b *Book) GetInverse(id string) *Offer {
	if o := b.offers[id]; o != nil && o.Inverse {
		return o
	}
	return nil
}

// Remove strikes an offer or inverse offer out; it reports whether it was there.
func (b *Book) Remove(o *Offer) bool {
	if b.offers[o.ID] != o {
		return false
	}
	delete(b.offers, o.ID)
	b.unlink(ofFramework, o.FrameworkID, o)
	b.unlink(ofAgent, o.AgentID, o)
	if o.Inverse {
		b.inverse--
	}
	return true
}

// OfFramework lists the offers that a framework holds, oldest first.
func (b *Book) OfFramework(id string) []*Offer { return b.all(ofFramework, id, false) }

// OfAgent lists the offers of an agent's resources, oldest first.
func (b *Book) OfAgent(id string) []*Offer { return b.all(ofAgent, id, false) }

// InverseOfFramework lists the inverse offers that a framework holds, oldest first.
func (b *Book) InverseOfFramework(id string) []*Offer { return b.all(ofFramework, id, true) }

// InverseOfAgent lists the inverse offers for an agent, oldest first.
func (b *Book) InverseOfAgent(id string) []*Offer { return b.all(ofAgent, id, true) }

// Len counts the offers, inverse ones excluded.
func (b *Book) Len() int { return len(b.offers) - b.inverse }
