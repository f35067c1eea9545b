package resources

// Total is the amount of one name, over all roles, reservations and disks.
type Total struct {
	Name   string // "cpus", or "cpus_revocable" for what may be taken away
	Type   Type
	Scalar Scalar // of TypeScalar
	Text   string // of TypeRanges and TypeSet: "[31000-32000]", "{a, b}"
}

// Totals returns what the legacy HTTP endpoints show as an object, such as
// {"disk":0.0,"mem":1024.0,"gpus":0.0,"cpus":4.0,"ports":"[31000-32000]"}: disk, mem, gpus and cpus
// always, other names only when there is some, revocable ones apart.
//
// Mesos: src/common/http.cpp, model(Resources).
func (r Resources) Totals() []Total {
	list := []Total{{Name: "disk"}, {Name: "mem"}, {Name: "gpus"}, {Name: "cpus"}}
	for _, pool := range []struct {
		entries Resources
		suffix  string
	}{{r.NonRevocable(), ""}, {r.Revocable(), "_revocable"}} {
		for _, name := range pool.entries.Names() {
			named := pool.entries.Named(name)
			total := Total{Name: name + pool.suffix, Type: named.At(0).Type()}
			switch total.Type {
			case TypeScalar:
				total.Scalar = named.Scalar(name)
			case TypeRanges:
				total.Text = named.Ranges(name).String()
			case TypeSet:
				total.Text = named.Set(name).String()
			}
			list = setTotal(list, total)
		}
	}
	return list
}

func setTotal(list []Total, total Total) []Total {
	for i := range list {
		if list[i].Name == total.Name {
			list[i] = total
			return list
		}
	}
	return append(list, total)
}
