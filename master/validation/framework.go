package validation

import (
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// FrameworkInfo checks what a framework says of itself, besides what needs the master's flags.
func FrameworkInfo(info *mesosproto.FrameworkInfo) error {
	if err := roles(info); err != nil {
		return err
	}
	if id := info.GetId().GetValue(); id != "" {
		if err := ID(id); err != nil {
			return err
		}
	}
	if err := offerFilters(info.GetOfferFilters()); err != nil {
		return err
	}
	return failoverTimeout(info.GetFailoverTimeout())
}

// FrameworkRoles lists the roles that a framework subscribes with: its roles if it is MULTI_ROLE
// capable, else its single role.
func FrameworkRoles(info *mesosproto.FrameworkInfo) []string {
	if HasCapability(info, mesosproto.FrameworkInfo_Capability_MULTI_ROLE) {
		return info.GetRoles()
	}
	return []string{info.GetRole()} //lint:ignore SA1019 frameworks without MULTI_ROLE use it
}

// HasCapability reports whether a framework declares a capability.
func HasCapability(info *mesosproto.FrameworkInfo, c mesosproto.FrameworkInfo_Capability_Type) bool {
	return slices.ContainsFunc(info.GetCapabilities(), func(x *mesosproto.FrameworkInfo_Capability) bool { return x.GetType() == c })
}

func roles(info *mesosproto.FrameworkInfo) error {
	if !HasCapability(info, mesosproto.FrameworkInfo_Capability_MULTI_ROLE) {
		if len(info.GetRoles()) > 0 {
			return reason("'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable")
		}
		//lint:ignore SA1019 frameworks without MULTI_ROLE use it
		if err := resources.ValidateRole(info.GetRole()); err != nil {
			return reason("'FrameworkInfo.role' is not a valid role: %s", err)
		}
		return nil
	}
	//lint:ignore SA1019 it must be absent
	if info.Role != nil {
		return reason("'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable")
	}
	seen := make(map[string]bool, len(info.GetRoles()))
	var twice []string
	for _, role := range info.GetRoles() {
		if seen[role] && !slices.Contains(twice, role) {
			twice = append(twice, role)
		}
		seen[role] = true
	}
	if len(twice) > 0 {
		return reason("'FrameworkInfo.roles' contains duplicate items: %s", braced(twice))
	}
	for _, role := range info.GetRoles() {
		if err := resources.ValidateRole(role); err != nil {
			return reason("'FrameworkInfo.roles' contains invalid role: %s", err)
		}
	}
	return nil
}

// braced prints a set as the reference does: { a, b }.
func braced(items []string) string {
	sorted := slices.Sorted(slices.Values(items))
	return "{ " + strings.Join(sorted, ", ") + " }"
}

func offerFilters(filters map[string]*mesosproto.OfferFilters) error {
	for _, role := range sortedKeys(filters) {
		min := filters[role].GetMinAllocatableResources()
		for _, q := range min.GetQuantities() {
			if len(q.GetQuantities()) == 0 {
				return reason("Invalid 'FrameworkInfo.offer_filters': Invalid 'MinAllocatableResources' for role '%s': Resource quantities must contain at least one quantity", role)
			}
			for _, name := range sortedKeys(q.GetQuantities()) {
				v := q.GetQuantities()[name].GetValue()
				if err := quantity(v); err != nil {
					return reason("Invalid 'FrameworkInfo.offer_filters': Invalid 'MinAllocatableResources' for role '%s': Invalid quantity of '%s': %s", role, name, err)
				}
			}
		}
	}
	return nil
}

func quantity(v float64) error {
	switch {
	case math.IsNaN(v):
		return reason("NaN not supported")
	case math.IsInf(v, 0):
		return reason("Infinite value not supported")
	case v != 0 && math.Abs(v) < 2.2250738585072014e-308:
		return reason("Subnormal values not supported")
	case v < 0:
		return reason("Negative values not supported")
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func failoverTimeout(seconds float64) error {
	if _, ok := Seconds(seconds); !ok {
		return reason("The framework failover_timeout (%v) is invalid: Argument out of the range that a Duration can represent due to int64_t's size limit", seconds)
	}
	return nil
}

// Seconds converts seconds as they go over the wire; ok is false if a Duration can't hold them. The
// bounds are the reference's, in nanoseconds, ±2^63.
func Seconds(s float64) (d time.Duration, ok bool) {
	ns := s * float64(time.Second)
	if math.IsNaN(ns) || ns >= math.MaxInt64 || ns <= math.MinInt64 {
		return 0, false
	}
	return time.Duration(ns), true
}

// RoleWhitelist checks the roles against the master's --roles; an empty list allows all, and * is
// always allowed.
func RoleWhitelist(info *mesosproto.FrameworkInfo, allowed []string) error {
	if len(allowed) == 0 {
		return nil
	}
	var bad []string
	for _, role := range FrameworkRoles(info) {
		if role != resources.AnyRole && !slices.Contains(allowed, role) {
			bad = append(bad, role)
		}
	}
	if len(bad) > 0 {
		return reason("Roles %s are not present in the master's --roles", braced(bad))
	}
	return nil
}

// SuppressedRoles checks that a framework suppresses only roles of its own.
func SuppressedRoles(info *mesosproto.FrameworkInfo, suppressed []string) error {
	own := FrameworkRoles(info)
	var bad []string
	for _, role := range suppressed {
		if !slices.Contains(own, role) && !slices.Contains(bad, role) {
			bad = append(bad, role)
		}
	}
	if len(bad) > 0 {
		return reason("Suppressed roles %s are not contained in the set of roles", braced(bad))
	}
	return nil
}

// FrameworkUpdate checks an UPDATE_FRAMEWORK call against what the framework is: user, checkpoint and
// principal can't change.
func FrameworkUpdate(is, wanted *mesosproto.FrameworkInfo) error {
	if is.GetPrincipal() != wanted.GetPrincipal() || (is.Principal == nil) != (wanted.Principal == nil) {
		return reason("Changing framework's principal is not allowed.")
	}
	if is.GetUser() != wanted.GetUser() {
		return reason("Updating 'FrameworkInfo.user' is unsupported; attempted to update from '%s' to '%s'", is.GetUser(), wanted.GetUser())
	}
	if is.GetCheckpoint() != wanted.GetCheckpoint() {
		return reason("Updating 'FrameworkInfo.checkpoint' is unsupported; attempted to update from '%t' to '%t'", is.GetCheckpoint(), wanted.GetCheckpoint())
	}
	return nil
}
