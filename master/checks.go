package master

import (
	"slices"

	"github.com/mesokit/mesokit/master/validation"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// refusal is an error whose text goes to a framework as it is, in the words of the reference.
type refusal string

func (r refusal) Error() string { return string(r) }

// checkFramework is what a FrameworkInfo must pass at SUBSCRIBE, in the order of the reference.
//
// Mesos: src/master/master.cpp, Master::validateFrameworkSubscription.
func (c *core) checkFramework(info *mesosproto.FrameworkInfo, suppressed []string, constraints *schedulerpb.OfferConstraints) error {
	if err := c.checkFrameworkInfo(info); err != nil {
		return err
	}
	if c.completedID[info.GetId().GetValue()] {
		return refusal("Framework has been removed")
	}
	return checkRoleOptions(info, suppressed, constraints)
}

func (c *core) checkFrameworkInfo(info *mesosproto.FrameworkInfo) error {
	if err := validation.FrameworkInfo(info); err != nil {
		return err
	}
	if err := validation.RoleWhitelist(info, c.cfg.Roles); err != nil {
		return err
	}
	if c.cfg.RefuseRoot && info.GetUser() == "root" {
		return refusal("User 'root' is not allowed to run frameworks without root submissions (--root_submissions) enabled")
	}
	return nil
}

// checkRoleOptions checks what a framework wants of its roles.
func checkRoleOptions(info *mesosproto.FrameworkInfo, suppressed []string, constraints *schedulerpb.OfferConstraints) error {
	if err := validation.SuppressedRoles(info, suppressed); err != nil {
		return err
	}
	return validation.OfferConstraints(info, constraints)
}

// groupOf is the task group of a LAUNCH_GROUP, its tasks with their executor.
func groupOf(tasks []*mesosproto.TaskInfo, e *mesosproto.ExecutorInfo) *mesosproto.TaskGroupInfo {
	group := &mesosproto.TaskGroupInfo{Tasks: slices.Clone(tasks)}
	for i, t := range group.Tasks {
		if t.GetExecutor() == nil {
			t = copyTaskInfo(t)
			t.Executor = e
			group.Tasks[i] = t
		}
	}
	return group
}
