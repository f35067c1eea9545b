package resources

import (
	"fmt"
	"maps"
	"slices"

	"github.com/mesokit/mesokit/mesosproto"
)

// QuantitiesFromProto converts a map of names to scalars, as in quota guarantees and offer filters.
//
// Errors: an amount is negative, infinite or not a number; of several, that of the first name in order.
func QuantitiesFromProto(m map[string]*mesosproto.Value_Scalar) (Quantities, error) {
	list, err := amountsFromProto(m)
	return NewQuantities(list...), err
}

// LimitsFromProto converts a map of names to scalars, as in quota limits. Zeros stay.
//
// Errors: as [QuantitiesFromProto].
func LimitsFromProto(m map[string]*mesosproto.Value_Scalar) (Limits, error) {
	list, err := amountsFromProto(m)
	return Limits{list}, err
}

// amountsFromProto returns m sorted by name.
func amountsFromProto(m map[string]*mesosproto.Value_Scalar) ([]Quantity, error) {
	if len(m) == 0 {
		return nil, nil
	}
	list := make([]Quantity, 0, len(m))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		amount, err := checkedScalar(m[name].GetValue())
		if err == nil && amount < 0 {
			err = fmt.Errorf("value %s is negative", amount)
		}
		if err != nil {
			return nil, fmt.Errorf("amount of %s: %w; want a number of at least 0", name, err)
		}
		list = append(list, Quantity{name, amount})
	}
	return list, nil
}

// Proto converts to a map of names to scalars, without zeros.
func (q Quantities) Proto() map[string]*mesosproto.Value_Scalar {
	m := map[string]*mesosproto.Value_Scalar{}
	for name, amount := range q.All() {
		m[name] = amount.Proto()
	}
	return m
}

// Proto converts to a map of names to scalars.
func (l Limits) Proto() map[string]*mesosproto.Value_Scalar {
	m := map[string]*mesosproto.Value_Scalar{}
	for name, amount := range l.All() {
		m[name] = amount.Proto()
	}
	return m
}
