// Package framework is a framework that is right by default: declare what should run, and it does the
// rest.
//
//	store, err := filestore.Open("/var/lib/web.state")
//	...
//	f, err := framework.New(framework.Config{
//		Driver: scheduler.Config{
//			Framework: &mesosproto.FrameworkInfo{Name: proto.String("web")},
//			Master:    "10.0.0.1:5050",
//			Dialer:    httpv1.Dialer{},
//		},
//		Store: store,
//		Specs: []framework.Spec{framework.Service{
//			Name:        "web",
//			Instances:   3,
//			Task:        scheduler.DockerTask("", "nginx", resources.MustParse("cpus:0.5;mem:64")),
//			Ports:       []framework.Port{{Container: 80}},
//			Constraints: []framework.Constraint{framework.MustConstraint("hostname:UNIQUE")},
//		}},
//	})
//	...
//	err = f.Run(ctx)
//
// A [Service] keeps its instances running, always. A [Batch] runs each of its instances to completion,
// with retries; a Batch with nothing else set is a single task. Specs can be applied, changed and removed
// while the framework runs; a changed service is replaced instance by instance. [Framework.Snapshot]
// says what runs and, of each instance that does not, why it waits. [Framework.Teardown] ends all for good.
//
// # What is declared
//
// What should run is remembered in the [Store], and what was said last counts. [Config].Specs says what the
// program declares. The next process, or one that stands by elsewhere, says something new only where its
// Specs differ from those of the last start:
//
//   - One that is the same changes nothing. What Apply has made of it since, more instances say, and that
//     Remove has ended it, holds on.
//   - One that has changed takes effect: services are replaced instance by instance.
//   - One that is not there any more is removed: its tasks are killed.
//   - What Apply has declared under other names runs on until Remove ends it. So a program that is told by
//     others what should run needs no Specs at all.
//
// Two versions of a program that stand by for each other undo each other's Specs whenever one takes over.
//
// # What it takes care of
//
//   - The framework's id, its specs and a record of each task are in a [Store]. A restarted framework, or
//     another on another machine with the same store, takes over its tasks; the former ends. The failover
//     timeout is a week. What happens after the master has removed the framework is declared:
//     [RemovedPolicy].
//   - A task is launched after its record is durable, and an update is acknowledged after what it says is.
//     The same update again is acknowledged and otherwise ignored.
//   - After each subscription and every ten minutes all tasks are reconciled: at once implicitly, then
//     explicitly those not heard of, with growing waits, until each was heard of. What the cluster runs
//     and the store does not know is killed.
//   - A task that stays in staging or starting too long is killed; a kill is repeated until the task has
//     ended. Tasks of unreachable agents are replaced after a time that the spec declares; if one comes
//     back, the surplus is killed.
//   - An instance that ends by itself again and again is launched again ever later: 1s, growing by 1.15,
//     at most 5min, also over restarts of the framework; one that has run well for a minute begins anew.
//   - No offer is kept: each is used or declined before its callback returns, and declined again if the
//     master may not have heard of it. While nothing waits, offers are suppressed. Offers of one agent
//     that come together are used together. An offer that turns out to be stale costs nothing but another
//     launch.
//
// # How it works
//
//	spec.go        what can be declared
//	constraint.go  where it may run
//	record.go      what is remembered; store.go where
//	framework.go   the handle
//	declare.go     what is declared: Config's word, Apply's, and the store's
//	core.go        callbacks, timers; saving.go what is written, and when
//	converge.go    what should be, against what is: who waits, who is killed
//	slot.go        what became of an instance, and how long it backs off
//	kill.go        watchdogs, and kills until the end
//	place.go       offers against those who wait
//	update.go      what became of tasks
//	reconcile.go   asking for it
//	explain.go     what is published
//	end.go         the end for good
//
// Everything but the handle is touched only on the framework's loop, in callbacks of [scheduler.Driver]
// and functions run by its AfterFunc. There is no goroutine, no lock and no clock, so the whole runtime
// runs in a simulation. The handle shares three immutable values with the loop, by atomic pointers: the
// specs that were declared and may not be saved yet, the present driver, the last snapshot.
//
// A Store may block: only callbacks wait for it, never the connection. Updates that come together are
// saved together. While saving fails nothing is launched or acknowledged, and it is tried again.
//
// # In a test
//
// Package schedulertest runs the framework with a real master and agents in virtual time:
//
//	store := &framework.Memory{} // what outlives its process
//	c := schedulertest.New(t, schedulertest.Config{Agents: 3})
//	c.RunProcess(func(disk bool) scheduler.Config {
//		if !disk {
//			store = &framework.Memory{}
//		}
//		f, _ = framework.New(framework.Config{Driver: driver, Store: store, Specs: specs})
//		cfg, _ := f.SchedulerConfig()
//		return cfg
//	})
//
// Run does two things that such a test has to do itself, if it is about them: it makes another driver to
// start over after a removal, and to learn that a teardown has been heard.
//
// # What is not there
//
// Offers with reserved resources are used like any; volumes, reservations, task groups and several roles
// are not dealt with. Inverse offers are declined, and agents with a maintenance window are not launched
// on. A Batch whose task, ports or constraints change starts over. Batches run at least once: an instance
// whose agent is unreachable for too long is run again elsewhere.
package framework
