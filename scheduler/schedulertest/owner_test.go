package schedulertest_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
	"github.com/mesokit/mesokit/scheduler"
)

// owner is a careful framework that makes reservations and volumes of what it is offered, launches tasks
// with them, resizes them and takes them back. What it does with an offer is left to chance; what there is
// to do it with it learns from the offer.
type owner struct {
	*careful
	disk    *estate
	role    string // of offers that don't say for which they are
	refines bool   // it reserves what is reserved to the role above once more
	shares  bool
	did     *deeds
	stop    func() bool // asking
	rests   time.Time   // until then, so that there is something to do all the time
}

// estate is what it has on its disk besides what every careful framework has.
type estate struct {
	memory
	made    int // operations and volumes so far
	pending map[string]promised
	company map[string]company // by task, until it runs
}

// promised is an operation that has not ended, as far as it knows.
type promised struct {
	*mesosproto.OperationStatus
	kind mesosproto.Offer_Operation_Type
}

// maxOperations bounds what an owner does in its life.
const maxOperations = 50

// deeds counts what owners were told, of all seeds.
type deeds struct {
	sync.Mutex
	finished map[mesosproto.Offer_Operation_Type]int // operations
	run      map[company]int                         // tasks of which it is the first that they run
}

func (x *deeds) count(kind mesosproto.Offer_Operation_Type) {
	x.Lock()
	defer x.Unlock()
	x.finished[kind]++
}

func (f *owner) Registered(d *scheduler.Driver, id *mesosproto.FrameworkID, m *mesosproto.MasterInfo) {
	f.careful.Registered(d, id, m)
	f.askForOperations(d)
}

func (f *owner) Reregistered(d *scheduler.Driver, m *mesosproto.MasterInfo) {
	f.careful.Reregistered(d, m)
	f.askForOperations(d)
}

// askForOperations asks now and every three minutes what became of those that have not ended.
func (f *owner) askForOperations(d *scheduler.Driver) {
	if f.stop != nil {
		f.stop()
	}
	var open []*mesosproto.OperationStatus
	for _, id := range slices.Sorted(maps.Keys(f.disk.pending)) {
		open = append(open, f.disk.pending[id].OperationStatus)
	}
	if len(open) > 0 {
		_ = d.ReconcileOperations(open...) // while it is disconnected: again after Reregistered
	}
	f.stop = d.AfterFunc(3*time.Minute, func() { f.askForOperations(d) })
}

func (f *owner) OperationStatusUpdate(_ *scheduler.Driver, s *mesosproto.OperationStatus) {
	switch s.GetState() {
	case mesosproto.OperationState_OPERATION_PENDING, mesosproto.OperationState_OPERATION_RECOVERING, mesosproto.OperationState_OPERATION_UNREACHABLE:
		return
	}
	id := s.GetOperationId().GetValue()
	if x, ok := f.disk.pending[id]; ok && s.GetState() == mesosproto.OperationState_OPERATION_FINISHED {
		f.did.count(x.kind)
	}
	delete(f.disk.pending, id)
}

func (f *owner) ResourceOffers(d *scheduler.Driver, offers []*mesosproto.Offer) {
	for _, o := range offers {
		p := &plan{owner: f, driver: d, offer: o, role: o.GetAllocationInfo().GetRole()}
		if p.role == "" {
			p.role = f.role
		}
		p.left, _ = resources.FromProto(o.GetResources())
		p.left = p.left.Allocate(p.role)
		for range d.Rand().IntN(5) {
			if !d.Now().Before(f.rests) && f.disk.made < maxOperations {
				p.next()
			}
		}
		if len(p.operations) > 0 {
			f.rests = d.Now().Add(time.Duration(d.Rand().IntN(60)) * time.Second)
		}
		refuse := time.Duration(20+d.Rand().IntN(80)) * time.Second
		if f.disk.made >= maxOperations {
			refuse = time.Hour
		}
		_ = d.Accept([]*mesosproto.OfferID{o.GetId()}, p.operations, scheduler.RefuseFor(refuse)) // while it is disconnected: the offer is void
	}
}

// plan is what an owner does with an offer.
type plan struct {
	*owner
	driver     *scheduler.Driver
	offer      *mesosproto.Offer
	role       string
	left       resources.Resources // of the offer
	operations []*mesosproto.Offer_Operation
}

func (p *plan) chance(n int) bool { return p.driver.Rand().IntN(n) == 0 }

// next adds something to the plan, if there is something to do it with.
func (p *plan) next() {
	switch p.driver.Rand().IntN(9) {
	case 0, 1:
		p.reserve()
	case 2:
		p.unreserve()
	case 3, 4:
		p.create()
	case 5:
		p.destroy()
	case 6:
		p.resize()
	default:
		p.launch()
	}
}

// any picks one of the entries that are so; ok is false if there are none.
func (p *plan) any(is func(resources.Resource) bool) (e resources.Resource, ok bool) {
	list := p.left.Filter(is)
	if list.IsEmpty() {
		return e, false
	}
	return list.At(p.driver.Rand().IntN(list.Len())), true
}

// do adds an operation that changes what is left, mostly with an id.
func (p *plan) do(op *mesosproto.Offer_Operation) {
	left, err := p.left.ApplyOperation(op)
	if err != nil {
		panic(err) // it was made of what is left
	}
	p.left = left
	p.disk.made++
	if !p.chance(4) {
		id := fmt.Sprintf("%s-op-%d", p.prefix, p.disk.made)
		op = scheduler.WithID(op, id)
		p.disk.pending[id] = promised{&mesosproto.OperationStatus{OperationId: op.Id, AgentId: p.offer.GetAgentId()}, op.GetType()}
	}
	p.operations = append(p.operations, op)
}

// plain are the entries that may be reserved: those of nobody, or of the role above.
func (p *plan) plain(e resources.Resource) bool {
	above, _, _ := strings.Cut(p.role, "/")
	return e.Type() == resources.TypeScalar && !e.IsPersistentVolume() && (!e.IsReserved() || p.refines && above != p.role && e.IsReservedTo(above))
}

func (p *plan) reserve() {
	e, ok := p.any(p.plain)
	if !ok {
		return
	}
	amount := map[string]resources.Scalar{"cpus": 1000, "mem": 256000, "disk": 512000}[e.Name()]
	if e.Scalar() > amount {
		e = e.WithScalar(amount)
	}
	list, err := e.Resources().PushReservation(resources.Reservation{Type: resources.Dynamic, Role: p.role})
	if err == nil {
		p.do(scheduler.Reserve(list.Proto()...))
	}
}

// mine are the entries that were reserved to the role, and are no volumes.
func (p *plan) mine(e resources.Resource) bool {
	return e.IsDynamicallyReserved() && e.IsReservedTo(p.role) && !e.IsPersistentVolume()
}

func (p *plan) unreserve() {
	if e, ok := p.any(p.mine); ok {
		if p.chance(2) && e.Scalar() > 100 {
			e = e.WithScalar(e.Scalar() / 2)
		}
		p.do(scheduler.Unreserve(e.Proto()))
	}
}

func (p *plan) create() {
	e, ok := p.any(func(e resources.Resource) bool { return p.mine(e) && e.Name() == "disk" && e.Scalar() >= 64000 })
	if !ok {
		return
	}
	p.disk.made++
	v := e.WithScalar(64000).WithDisk(&resources.DiskInfo{
		Persistence: &resources.Persistence{ID: fmt.Sprintf("%s-%d", p.prefix, p.disk.made)},
		Volume:      &resources.Volume{ContainerPath: "data"},
	})
	if p.shares && p.chance(2) {
		v = v.AsShared(1)
	}
	p.do(scheduler.CreateVolumes(v.Proto()))
}

// volume picks a volume of the role.
func (p *plan) volume() (resources.Resource, bool) {
	return p.any(func(e resources.Resource) bool { return e.IsPersistentVolume() && e.IsReservedTo(p.role) })
}

func (p *plan) destroy() {
	if v, ok := p.volume(); ok {
		p.do(scheduler.DestroyVolumes(v.Proto()))
	}
}

func (p *plan) resize() {
	v, ok := p.volume()
	if !ok || v.IsShared() {
		return
	}
	more := v.WithoutVolume().WithScalar(16000)
	op := &mesosproto.Offer_Operation{
		Type:       mesosproto.Offer_Operation_GROW_VOLUME.Enum(),
		GrowVolume: &mesosproto.Offer_Operation_GrowVolume{Volume: v.Proto(), Addition: more.Proto()},
	}
	if v.Scalar() > 64000 || !p.left.Contains(more.Resources()) {
		op = &mesosproto.Offer_Operation{
			Type:         mesosproto.Offer_Operation_SHRINK_VOLUME.Enum(),
			ShrinkVolume: &mesosproto.Offer_Operation_ShrinkVolume{Volume: v.Proto(), Subtract: &mesosproto.Value_Scalar{Value: proto.Float64(16)}},
		}
		if v.Scalar() <= 16000 {
			return
		}
	}
	p.do(op)
}
