package operator

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/resources"
)

// BenchmarkState answers /state with 2,000 agents that run 20,000 tasks of 10 frameworks.
//
//	first      nothing is prepared
//	changed    one task changed since the last poll
//	again      nothing changed, the client takes the whole answer
//	gzip       the same, compressed
//	unchanged  nothing changed, and the client says what it has
func BenchmarkState(b *testing.B) {
	r := start(b)
	const agents, each, frameworks = 2000, 10, 10
	var list []*framework
	for range frameworks {
		info := mesosExecute()
		info.FailoverTimeout, info.Checkpoint = proto.Float64(1e6), proto.Bool(true)
		f := r.framework(info)
		r.master.Schedulers().Ended(f) // gets no offers, stays
		list = append(list, f)
	}
	infos := make([]*mesosproto.FrameworkInfo, frameworks)
	for i, f := range list {
		infos[i] = mesosExecute()
		infos[i].Id, infos[i].FailoverTimeout, infos[i].Checkpoint = f.id, proto.Float64(1e6), proto.Bool(true)
	}
	var hosts []*host
	for n := range agents {
		h := r.newHost(n, "cpus:24;mem:4096;disk:4096;ports:[31000-32000]", "rack:r1;zone:z")
		h.info.Id = &mesosproto.AgentID{Value: proto.String(fmt.Sprintf("old-S%d", n))}
		h.peer = "slave(1)@10.0.0.1:" + strconv.Itoa(n+1)
		tasks := make([]*mesosproto.Task, each)
		for i := range tasks {
			id := fmt.Sprintf("task-%d-%d", n, i)
			m := update(h, list[i%frameworks], id, 1795245296.5, uuid(i)).Update.Status
			tasks[i] = &mesosproto.Task{
				Name: proto.String(id), TaskId: m.TaskId, FrameworkId: list[i%frameworks].id, AgentId: h.info.Id,
				State: running.Enum(), Statuses: []*mesosproto.TaskStatus{m},
				Resources: allocated("cpus:0.5;mem:64;ports:[" + strconv.Itoa(31000+i) + "-" + strconv.Itoa(31000+i) + "]"),
			}
		}
		r.master.Agents().Message(h, &messagespb.ReregisterSlaveMessage{
			Slave: proto.CloneOf(h.info), Version: proto.String("1.12.0"), Frameworks: infos, Tasks: tasks,
			ResourceVersionUuid: &mesosproto.UUID{Value: []byte("0123456789abcdef")},
			AgentCapabilities:   []*mesosproto.AgentInfo_Capability{{Type: mesosproto.AgentInfo_Capability_MULTI_ROLE.Enum()}},
		}, func() {})
		hosts = append(hosts, h)
	}
	r.settle()
	s := r.master.Snapshot()
	count := 0
	for f := range s.Frameworks.All() {
		count += f.Tasks.Len()
	}
	if s.Agents.Len() != agents || count != agents*each {
		b.Fatalf("%d agents, %d tasks", s.Agents.Len(), count)
	}
	run := func(name string, header http.Header, prepare func()) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			size := 0
			for b.Loop() {
				if prepare != nil {
					b.StopTimer()
					prepare()
					b.StartTimer()
				}
				w := &discard{header: make(http.Header)}
				request := httptest.NewRequest("GET", "/state", nil)
				request.Header = header
				r.handler.ServeHTTP(w, request)
				size = w.size
			}
			b.ReportMetric(float64(size), "body-B")
		})
	}
	run("first", nil, func() { r.api.library = library{flags: r.api.library.flags} })
	flip := 0
	run("changed", nil, func() {
		flip++
		h := hosts[flip%agents]
		h.message(update(h, list[0], fmt.Sprintf("task-%d-0", flip%agents), float64(flip), uuid(flip%1000)))
	})
	run("again", nil, nil)
	gzip := http.Header{"Accept-Encoding": {"gzip"}}
	run("gzip", gzip, nil)
	run("unchanged", http.Header{"If-None-Match": {r.document().ETag()}}, nil)
}

func allocated(text string) []*mesosproto.Resource {
	list := resources.MustParse(text).Proto()
	for _, m := range list {
		m.AllocationInfo = &mesosproto.Resource_AllocationInfo{Role: proto.String("*")}
	}
	return list
}

// discard is a client that takes everything at once.
type discard struct {
	header http.Header
	size   int
}

func (d *discard) Header() http.Header { return d.header }
func (d *discard) WriteHeader(int)     {}
func (d *discard) Write(b []byte) (int, error) {
	d.size += len(b)
	return len(b), nil
}
