package master

import "iter"

// pageRows is how many rows are copied when one of them changes, and folderPages how many pointers to
// pages with it: a change in a table of a million rows copies some kilobytes.
const (
	pageRows    = 32
	folderPages = 64
)

// Table is an immutable list of rows, kept in pages that successive snapshots share as long as nothing
// in them changes. The zero Table is empty. Safe for concurrent use.
type Table[T any] struct {
	folders []*folder[T]
	rows    int
}

type folder[T any] struct {
	pages [folderPages]*Page[T] // nil: not used yet
	epoch uint64
}

// Page is a part of a Table. The same pointer means the same content, so a reader may keep what it has
// computed from a page, for example its encoding, for as long as it meets that pointer.
type Page[T any] struct {
	rows  [pageRows]*T
	used  int
	epoch uint64
}

// Len counts the rows.
func (t Table[T]) Len() int { return t.rows }

// All yields the rows. Their order is fixed within a snapshot but says nothing: places are reused.
func (t Table[T]) All() iter.Seq[*T] {
	return func(yield func(*T) bool) {
		for p := range t.Pages() {
			for row := range p.All() {
				if !yield(row) {
					return
				}
			}
		}
	}
}

// Pages yields the pages that have rows.
func (t Table[T]) Pages() iter.Seq[*Page[T]] {
	return func(yield func(*Page[T]) bool) {
		for _, f := range t.folders {
			for _, p := range f.pages {
				if p != nil && p.used > 0 && !yield(p) {
					return
				}
			}
		}
	}
}

// All yields the rows of the page.
func (p *Page[T]) All() iter.Seq[*T] {
	return func(yield func(*T) bool) {
		for _, row := range p.rows {
			if row != nil && !yield(row) {
				return
			}
		}
	}
}

// Since yields the rows of the page that are not at the same place of an earlier state of it; nil has none.
func (p *Page[T]) Since(was *Page[T]) iter.Seq[*T] {
	if was == nil {
		return p.All()
	}
	return func(yield func(*T) bool) {
		for i, row := range p.rows {
			if row != nil && row != was.rows[i] && !yield(row) {
				return
			}
		}
	}
}

// TableOf returns a table of rows, for tests of what reads snapshots.
func TableOf[T any](rows ...*T) Table[T] {
	var b tableBuilder[T]
	for _, row := range rows {
		b.add(row)
	}
	return b.table()
}

// tableBuilder is the master's side of a Table: it copies what it changes first after a snapshot was
// taken. A row is named by the slot that add returned.
type tableBuilder[T any] struct {
	folders []*folder[T]
	shared  bool // the slice folders is part of a snapshot
	epoch   uint64
	free    []int // slots given back, last one reused first
	next    int   // slots below have been used
	rows    int
}

// add puts row into a slot.
func (b *tableBuilder[T]) add(row *T) (slot int) {
	if n := len(b.free); n > 0 {
		slot, b.free = b.free[n-1], b.free[:n-1]
	} else {
		slot = b.next
		b.next++
	}
	p := b.page(slot)
	p.rows[slot%pageRows] = row
	p.used++
	b.rows++
	return slot
}

// set replaces the row of a slot.
func (b *tableBuilder[T]) set(slot int, row *T) { b.page(slot).rows[slot%pageRows] = row }

// remove empties a slot.
func (b *tableBuilder[T]) remove(slot int) {
	p := b.page(slot)
	p.rows[slot%pageRows] = nil
	p.used--
	b.rows--
	b.free = append(b.free, slot)
}

// page returns the page of a slot, its own to change.
func (b *tableBuilder[T]) page(slot int) *Page[T] {
	f := b.folder(slot / pageRows / folderPages)
	at := &f.pages[slot/pageRows%folderPages]
	switch {
	case *at == nil:
		*at = &Page[T]{epoch: b.epoch}
	case (*at).epoch != b.epoch:
		*at = &Page[T]{rows: (*at).rows, used: (*at).used, epoch: b.epoch}
	}
	return *at
}

func (b *tableBuilder[T]) folder(i int) *folder[T] {
	if i < len(b.folders) && b.folders[i].epoch == b.epoch {
		return b.folders[i]
	}
	if b.shared {
		b.folders = append(make([]*folder[T], 0, len(b.folders)+1), b.folders...)
		b.shared = false
	}
	if i == len(b.folders) {
		b.folders = append(b.folders, &folder[T]{epoch: b.epoch})
	} else {
		b.folders[i] = &folder[T]{pages: b.folders[i].pages, epoch: b.epoch}
	}
	return b.folders[i]
}

// table is the present content, frozen.
func (b *tableBuilder[T]) table() Table[T] {
	b.shared = true
	b.epoch++
	return Table[T]{folders: b.folders, rows: b.rows}
}
