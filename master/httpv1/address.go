package httpv1

import (
	"github.com/mesokit/mesokit/internal/masterinfo"
	"github.com/mesokit/mesokit/mesosproto"
)

// Address is a master's host:port as clients are told: its hostname, or its IP address if it has none.
// Empty without a master.
func Address(info *mesosproto.MasterInfo) string { return masterinfo.HostPort(info) }
