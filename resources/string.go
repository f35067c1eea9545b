package resources

// String prints entries as the reference's logs and error messages do, joined by "; ":
// "cpus:2; disk(allocated: dev)(reservations: [(DYNAMIC,dev)])[vol1:data]:64", and "{}" for none.
func (r Resources) String() string {
	if len(r.entries) == 0 {
		return "{}"
	}
	var b []byte
	for i := range r.entries {
		if i > 0 {
			b = append(b, "; "...)
		}
		b = r.entries[i].append(b)
	}
	return string(b)
}

// String prints one entry.
func (r Resource) String() string { return string(r.append(nil)) }

func (r Resource) append(b []byte) []byte {
	id := r.ident()
	b = append(b, id.name...)
	if r.role != "" {
		b = append(b, "(allocated: "...)
		b = append(b, r.role...)
		b = append(b, ')')
	}
	if len(id.reservations) > 0 {
		b = append(b, "(reservations: ["...)
		for i, res := range id.reservations {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(b, '(')
			b = res.append(b)
			b = append(b, ')')
		}
		b = append(b, "])"...)
	}
	if id.disk != nil {
		b = append(b, '[')
		b = id.disk.append(b)
		b = append(b, ']')
	}
	if id.revocable {
		b = append(b, "{REV}"...)
	}
	if id.shared {
		b = append(b, "<SHARED>"...)
	}
	b = append(b, ':')
	switch id.typ {
	case TypeRanges:
		return r.Ranges().append(b)
	case TypeSet:
		return r.Set().append(b)
	}
	return r.scalar.append(b)
}
