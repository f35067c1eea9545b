package offer

import (
	"cmp"
	"slices"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// Offer is an outstanding offer: resources of one agent, allocated to one role of one framework. It is
// immutable once added to a [Book].
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

	seq uint64
}

// Book holds outstanding offers and inverse offers, which share one series of ids. The zero Book is
// empty and ready for use.
type Book struct {
	seq         uint64
	offers      map[string]*Offer
	byFramework index
	byAgent     index
	inverse     int
}

// index lists offers by the id of a framework or agent.
type index map[string]map[string]*Offer

func (x *index) add(key string, o *Offer) {
	if *x == nil {
		*x = make(index)
	}
	if (*x)[key] == nil {
		(*x)[key] = make(map[string]*Offer)
	}
	(*x)[key][o.ID] = o
}

func (x index) remove(key string, o *Offer) {
	delete(x[key], o.ID)
	if len(x[key]) == 0 {
		delete(x, key)
	}
}

func (x index) list(key string, inverse bool) []*Offer {
	if len(x[key]) == 0 {
		return nil
	}
	var list []*Offer
	for _, o := range x[key] {
		if o.Inverse == inverse {
			list = append(list, o)
		}
	}
	slices.SortFunc(list, func(a, b *Offer) int { return cmp.Compare(a.seq, b.seq) })
	return list
}

// Add enters an offer. Its id must be new.
func (b *Book) Add(o *Offer) {
	if b.offers == nil {
		b.offers = make(map[string]*Offer)
	}
	b.seq++
	o.seq = b.seq
	b.offers[o.ID] = o
	b.byFramework.add(o.FrameworkID, o)
	b.byAgent.add(o.AgentID, o)
	if o.Inverse {
		b.inverse++
	}
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
	b.byFramework.remove(o.FrameworkID, o)
	b.byAgent.remove(o.AgentID, o)
	if o.Inverse {
		b.inverse--
	}
	return true
}

// OfFramework lists the offers that a framework holds, oldest first.
func (b *Book) OfFramework(id string) []*Offer { return b.byFramework.list(id, false) }

// OfAgent lists the offers of an agent's resources, oldest first.
func (b *Book) OfAgent(id string) []*Offer { return b.byAgent.list(id, false) }

// InverseOfFramework lists the inverse offers that a framework holds, oldest first.
func (b *Book) InverseOfFramework(id string) []*Offer { return b.byFramework.list(id, true) }

// InverseOfAgent lists the inverse offers for an agent, oldest first.
func (b *Book) InverseOfAgent(id string) []*Offer { return b.byAgent.list(id, true) }

// Len counts the offers, inverse ones excluded.
func (b *Book) Len() int { return len(b.offers) - b.inverse }
