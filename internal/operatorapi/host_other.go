//go:build !linux

package operatorapi

func (h *Host) measure() {}
