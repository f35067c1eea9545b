package master

import (
	"slices"
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
)

const (
	// maxOperations is how many operations of an agent the master remembers. Frameworks get there only if
	// they do not acknowledge; operations without id are acknowledged for them. (The reference has no limit.)
	maxOperations = 4096
	// keptStatuses is how many statuses of an operation the master remembers, for frameworks to acknowledge.
	// Agents tell the next one when the last is acknowledged, so that two would do: the acknowledgement of the
	// last may come again. Four leave room for an agent that starts anew in between. (The reference keeps all.)
	keptStatuses = 4
)

// checkRoom says why an agent can't have another operation.
func (a *agent) checkRoom() error {
	if len(a.operations) < maxOperations {
		return nil
	}
	return refusal("The agent has " + strconv.Itoa(len(a.operations)) + " operations whose outcome is not acknowledged, and can't have more")
}

// remember keeps a status that a framework may acknowledge, unless it is one that is said again.
func (o *operation) remember(s *mesosproto.OperationStatus) {
	if s.GetUuid() == nil || slices.ContainsFunc(o.statuses, func(old *mesosproto.OperationStatus) bool { return proto.Equal(old, s) }) {
		return
	}
	if len(o.statuses) == keptStatuses {
		o.statuses = slices.Delete(o.statuses, 0, 1)
	}
	o.statuses = append(o.statuses, s)
}
