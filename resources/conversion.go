package resources

import "slices"

// Conversion is what an operation does to resources: Consumed goes, Converted comes. Either may be empty.
//
// Mesos: include/mesos/resources.hpp, ResourceConversion.
type Conversion struct {
	Consumed, Converted Resources

	// gone must not be contained in the result: no copy of a destroyed shared volume may remain.
	gone Resources
}

// Apply applies conversions one after the other: r - Consumed + Converted.
//
// Errors: r, as the earlier ones left it, does not contain Consumed; copies of a destroyed shared volume
// remain.
func (r Resources) Apply(conversions ...Conversion) (Resources, error) {
	for _, c := range conversions {
		if !r.Contains(c.Consumed) {
			return Resources{}, reason("%s does not contain %s", r, c.Consumed)
		}
		r = r.Sub(c.Consumed).Add(c.Converted)
		if !c.gone.IsEmpty() && r.Contains(c.gone) {
			return Resources{}, reason("Persistent volume %s cannot be removed due to additional shared copies", c.gone)
		}
	}
	return r, nil
}

// Reserve is the conversion that gives reserved their last reservation (RESERVE without source): one
// for the whole list.
//
// Errors: some entry is not dynamically reserved.
func Reserve(reserved Resources) ([]Conversion, error) {
	if err := dynamicallyReserved(reserved); err != nil {
		return nil, err
	}
	before, err := reserved.PopReservation()
	if err != nil {
		return nil, err
	}
	return []Conversion{{Consumed: before, Converted: reserved}}, nil
}

// Rereserve is the conversion of source to the same resources with other reservations (RESERVE with
// source, which only operators may).
//
// Errors: one side is empty, a side's reservations are not all the same, or the two differ in more
// than reservations.
func Rereserve(source, reserved Resources) ([]Conversion, error) {
	switch {
	case source.IsEmpty() || reserved.IsEmpty():
		return nil, reason("Both 'source' and 'resources' must not be empty")
	case !sameReservations(source):
		return nil, reason("Resources in 'source' must all have the same reservations: %s", source)
	case !sameReservations(reserved):
		return nil, reason("Resources in 'resources' must all have the same reservations: %s", reserved)
	case !source.ToUnreserved().Equal(reserved.ToUnreserved()):
		return nil, reason("'source' %s and 'resources' %s must differ in reservations alone", source, reserved)
	}
	return []Conversion{{Consumed: source, Converted: reserved}}, nil
}

func sameReservations(r Resources) bool {
	first := r.entries[0].Reservations()
	return !r.Any(func(e Resource) bool { return !slices.EqualFunc(first, e.Reservations(), Reservation.Equal) })
}

// Unreserve are the conversions that take the last reservation from reserved, one for each entry.
//
// Errors: some entry is not dynamically reserved, or is a persistent volume.
func Unreserve(reserved Resources) ([]Conversion, error) {
	if err := dynamicallyReserved(reserved); err != nil {
		return nil, err
	}
	return each(reserved, func(e Resource) (Conversion, error) {
		if e.IsPersistentVolume() {
			return Conversion{}, reason("A dynamically reserved persistent volume %s cannot be unreserved directly."+
				" Please destroy the persistent volume first then unreserve the resource", e)
		}
		stack := e.Reservations()
		return Conversion{Consumed: e.Resources(), Converted: e.Reserved(stack[:len(stack)-1]...).Resources()}, nil
	})
}

func dynamicallyReserved(r Resources) error {
	for _, e := range r.entries {
		if !e.IsDynamicallyReserved() {
			return reason("Resource %s is not dynamically reserved", e)
		}
	}
	return nil
}

// CreateVolumes are the conversions of disk to persistent volumes, one for each.
//
// Errors: some entry is not a persistent volume.
func CreateVolumes(volumes Resources) ([]Conversion, error) {
	return each(volumes, func(e Resource) (Conversion, error) {
		if !e.IsPersistentVolume() {
			return Conversion{}, reason("Resource %s is not a persistent volume", e)
		}
		return Conversion{Consumed: e.WithoutVolume().Resources(), Converted: e.Resources()}, nil
	})
}

// DestroyVolumes are the conversions of persistent volumes to the disk that they were made of, one for each.
//
// Errors: some entry is not a persistent volume.
func DestroyVolumes(volumes Resources) ([]Conversion, error) {
	return each(volumes, func(e Resource) (Conversion, error) {
		if !e.IsPersistentVolume() {
			return Conversion{}, reason("Resource %s is not a persistent volume", e)
		}
		c := Conversion{Consumed: e.Resources(), Converted: e.WithoutVolume().Resources()}
		if e.IsShared() {
			c.gone = e.AsShared(1).Resources()
		}
		return c, nil
	})
}

func each(r Resources, convert func(Resource) (Conversion, error)) ([]Conversion, error) {
	list := make([]Conversion, 0, len(r.entries))
	for _, e := range r.entries {
		c, err := convert(e)
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return list, nil
}

// GrowVolume is the conversion of volume and addition to a volume of the size of both.
//
// Errors: not a plain persistent volume (shared, of a provider), or addition is not more of the disk that
// it was made of.
func GrowVolume(volume, addition Resource) ([]Conversion, error) {
	disk := volume.WithoutVolume()
	switch err := resizable(volume); {
	case err != nil:
		return nil, err
	case addition.IsEmpty():
		return nil, reason("The size of volume addition must be greater than zero")
	case disk.id.merge != mergeValues || order(&disk, &addition) != 0:
		return nil, reason("Incompatible resource %s for growing volume %s", addition, volume)
	}
	grown := volume.WithScalar(volume.scalar.plus(addition.scalar))
	return []Conversion{{Consumed: New(volume, addition), Converted: grown.Resources()}}, nil
}

// ShrinkVolume is the conversion of volume to a smaller one, and the disk that becomes free.
//
// Errors: not a plain persistent volume (shared, of a provider, on a MOUNT disk), or subtract is not
// above zero and below its size.
func ShrinkVolume(volume Resource, subtract Scalar) ([]Conversion, error) {
	freed := volume.WithoutVolume().WithScalar(subtract)
	switch err := resizable(volume); {
	case err != nil:
		return nil, err
	case subtract <= 0:
		return nil, reason("Value of 'subtract' must be greater than zero")
	case subtract >= volume.scalar:
		return nil, reason("Value of 'subtract' %s must be smaller than the size of the volume %s", subtract, volume)
	case freed.id.merge != mergeValues:
		return nil, reason("Volume %s is on an exclusive disk and cannot be shrunk", volume)
	}
	shrunk := volume.WithScalar(volume.scalar - subtract)
	return []Conversion{{Consumed: volume.Resources(), Converted: New(shrunk, freed)}}, nil
}

func resizable(volume Resource) error {
	switch {
	case !volume.IsPersistentVolume() || volume.Type() != TypeScalar || volume.IsEmpty():
		return reason("Resource %s is not a persistent volume", volume)
	case volume.ProviderID() != "":
		return reason("Operation not supported for resource provider")
	case volume.IsShared():
		return reason("Shared persistent volume %s cannot be resized", volume)
	}
	return nil
}

// ShareCopies returns the conversions that make r hold as many copies of shared entries as needed has:
// tasks may use more copies of a shared volume than were offered, as long as one was. What r has not at all
// is left to the next check of availability.
func (r Resources) ShareCopies(needed Resources) []Conversion {
	var list []Conversion
	for _, n := range needed.Shared().entries {
		one := n.AsShared(1).Resources()
		if !r.Contains(one) || r.Contains(n.Resources()) {
			continue
		}
		have := r.Filter(func(e Resource) bool { return order(&e, &n) == 0 })
		missing := n.AsShared(n.copies - have.entries[0].copies)
		list = append(list, Conversion{Converted: missing.Resources()})
	}
	return list
}
