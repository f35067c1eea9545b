// Package libprocess joins agents in other processes to a master over libprocess.
//
//	s, err := libprocess.New(libprocess.Config{Advertise: address, Agents: m.Agents()})
//	defer s.Close()
//	err = s.HTTPServer(routes).Serve(listener) // messages, and all other requests of the same port
//
// The process master receives what agents send. An agent that registers, or registers again, from a
// process id gets a link.Conn, and a link: a dedicated connection to the agent, whose end the core
// hears of as the end of the Conn. Pings are sent by a process of their own for each agent,
// slave-observer(N), which also gets the answers, as agents expect. What others than registered agents
// send is dropped. There is a connection each way, and an agent need not notice that the master's broke:
// pings on a Conn that has ended still go out, from the process master, and tell the agent so.
//
// All methods of a Conn may be called from any goroutine. Messages reach the core through its Handler,
// in the order in which they were sent, one call at a time and at most 64 of a connection unhandled;
// nothing follows the end.
//
// Not there yet: schedulers of the v0 API, which talk to the same process.
//
// Mesos: src/master/master.cpp; 3rdparty/libprocess.
package libprocess
