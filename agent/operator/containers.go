package operator

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/mesokit/mesokit/agent"
	"github.com/mesokit/mesokit/internal/httpapi"
	"github.com/mesokit/mesokit/internal/operatorapi"
	"github.com/mesokit/mesokit/mesosproto"
)

const (
	// patience is how long containers are given to describe themselves.
	patience = 5 * time.Second
	// abreast is how many are asked at a time.
	abreast = 16
)

// container is an executor's container, and what could be learnt of it.
type container struct {
	framework  string
	executor   *mesosproto.ExecutorInfo
	id         string
	status     *mesosproto.ContainerStatus
	statistics *mesosproto.ResourceStatistics
}

// describe asks the containers of executors that wanted selects.
func (h *Handler) describe(ctx context.Context, s *agent.Snapshot, wanted func(*container) bool) []*container {
	var list []*container
	for _, f := range s.Frameworks {
		for e := range f.Executors.All() {
			c := &container{framework: f.Info.GetId().GetValue(), executor: e.Info, id: e.ContainerID}
			if e.State != "TERMINATED" && c.id != "" && wanted(c) {
				list = append(list, c)
			}
		}
	}
	if h.cfg.Containers == nil {
		return list
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var asking sync.WaitGroup
	slots := make(chan struct{}, abreast)
	for _, c := range list {
		slots <- struct{}{}
		asking.Go(func() {
			defer func() { <-slots }()
			id := &mesosproto.ContainerID{Value: &c.id}
			if status, err := h.cfg.Containers.Status(ctx, id); err == nil {
				c.status = status
			}
			if statistics, err := h.cfg.Containers.Usage(ctx, id); err == nil {
				c.statistics = statistics
			}
		})
	}
	asking.Wait()
	return list
}

// containers serves /containers: all, or those that container_id, framework_id, or framework_id and
// executor_id name.
//
// Mesos: src/slave/http.cpp, Http::containers.
func (h *Handler) containers(w http.ResponseWriter, r *http.Request, s *agent.Snapshot) {
	q := r.URL.Query()
	id, framework, executor := q.Get("container_id"), q.Get("framework_id"), q.Get("executor_id")
	if executor != "" && framework == "" || id != "" && framework != "" {
		httpapi.Refuse(w, http.StatusBadRequest, "Expecting no query, 'container_id', 'framework_id', or 'framework_id' and 'executor_id'")
		return
	}
	list := h.describe(r.Context(), s, func(c *container) bool {
		return (id == "" || c.id == id) && (framework == "" || c.framework == framework) &&
			(executor == "" || c.executor.GetExecutorId().GetValue() == executor)
	})
	var b operatorapi.Builder
	b.Open('[')
	for _, c := range list {
		b.Element()
		b.Open('{')
		b.Field("container_id", c.id)
		c.write(&b.JSON)
		if c.status != nil {
			b.MessageField("status", c.status)
		}
		b.Close('}')
	}
	b.Close(']')
	operatorapi.Serve(w, r, b.Document())
}

// statistics serves /monitor/statistics; containers without any are left out.
//
// Mesos: src/slave/http.cpp, Http::statistics.
func (h *Handler) statistics(w http.ResponseWriter, r *http.Request, s *agent.Snapshot) {
	var b operatorapi.Builder
	b.Open('[')
	for _, c := range h.describe(r.Context(), s, func(*container) bool { return true }) {
		if c.statistics != nil {
			b.Element()
			b.Open('{')
			c.write(&b.JSON)
			b.Close('}')
		}
	}
	b.Close(']')
	operatorapi.Serve(w, r, b.Document())
}

func (c *container) write(j *operatorapi.JSON) {
	j.Field("executor_id", c.executor.GetExecutorId().GetValue())
	j.Field("executor_name", c.executor.GetName())
	j.Field("framework_id", c.framework)
	j.Field("source", c.executor.GetSource()) //lint:ignore SA1019 operators' tools read it
	if c.statistics != nil {
		j.MessageField("statistics", c.statistics)
	}
}
