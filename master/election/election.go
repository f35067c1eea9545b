// Package election decides which of several masters leads.
//
// A master asks its [Election] to contend. It is told each time the leader changes, and leads only
// while the leader is itself. [Standalone] is for a single master.
//
// Mesos: src/master/contender, src/master/detector.
package election

import "github.com/mesokit/mesokit/mesosproto"

// Election is one master's part in an election. Contend returns at once; leader is called from any
// goroutine with the present leader, nil for none, and again with each change, until stop.
type Election interface {
	Contend(info *mesosproto.MasterInfo, leader func(*mesosproto.MasterInfo)) (stop func())
}

// Standalone is the election of a master without rivals: it leads from the start.
type Standalone struct{}

var _ Election = Standalone{}

// Contend names info the leader.
func (Standalone) Contend(info *mesosproto.MasterInfo, leader func(*mesosproto.MasterInfo)) (stop func()) {
	leader(info)
	return func() {}
}
