package master

import "github.com/mesokit/mesokit/mesosproto"

// Messages are immutable once sent, so what the master changes it changes on a copy. These copies
// share their parts with the original, which is much cheaper than proto.Clone.

func copyTaskInfo(t *mesosproto.TaskInfo) *mesosproto.TaskInfo {
	return &mesosproto.TaskInfo{
		Name:              t.Name,
		TaskId:            t.TaskId,
		AgentId:           t.AgentId,
		Resources:         t.Resources,
		Executor:          t.Executor,
		Command:           t.Command,
		Container:         t.Container,
		HealthCheck:       t.HealthCheck,
		Check:             t.Check,
		KillPolicy:        t.KillPolicy,
		Data:              t.Data,
		Labels:            t.Labels,
		Discovery:         t.Discovery,
		MaxCompletionTime: t.MaxCompletionTime,
		Limits:            t.Limits,
	}
}

func copyResource(r *mesosproto.Resource) *mesosproto.Resource {
	return &mesosproto.Resource{
		ProviderId:     r.ProviderId,
		Name:           r.Name,
		Type:           r.Type,
		Scalar:         r.Scalar,
		Ranges:         r.Ranges,
		Set:            r.Set,
		Role:           r.Role, //lint:ignore SA1019 copied as it is
		AllocationInfo: r.AllocationInfo,
		Reservation:    r.Reservation,
		Reservations:   r.Reservations,
		Disk:           r.Disk,
		Revocable:      r.Revocable,
		Shared:         r.Shared,
	}
}

func copyStatus(s *mesosproto.TaskStatus) *mesosproto.TaskStatus {
	return &mesosproto.TaskStatus{
		TaskId:          s.TaskId,
		State:           s.State,
		Message:         s.Message,
		Source:          s.Source,
		Reason:          s.Reason,
		Data:            s.Data,
		AgentId:         s.AgentId,
		ExecutorId:      s.ExecutorId,
		Timestamp:       s.Timestamp,
		Uuid:            s.Uuid,
		Healthy:         s.Healthy,
		CheckStatus:     s.CheckStatus,
		Labels:          s.Labels,
		ContainerStatus: s.ContainerStatus,
		UnreachableTime: s.UnreachableTime,
		Limitation:      s.Limitation,
	}
}
