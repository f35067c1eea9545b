package agent

import (
	"github.com/mesokit/mesokit/mesosproto"
)

// checker runs the checks of a supervised task.
type checker struct{}

func (k *checker) stop() {}

func (c *core) startChecks(*supervisor) {}

// emptyCheckStatus is the result of a check that has none yet; nil without a check.
func emptyCheckStatus(info *mesosproto.TaskInfo) *mesosproto.CheckStatusInfo {
	check := info.GetCheck()
	if check == nil {
		return nil
	}
	s := &mesosproto.CheckStatusInfo{Type: check.Type}
	switch check.GetType() {
	case mesosproto.CheckInfo_COMMAND:
		s.Command = &mesosproto.CheckStatusInfo_Command{}
	case mesosproto.CheckInfo_HTTP:
		s.Http = &mesosproto.CheckStatusInfo_Http{}
	case mesosproto.CheckInfo_TCP:
		s.Tcp = &mesosproto.CheckStatusInfo_Tcp{}
	}
	return s
}
