// Package libprocess joins an agent to masters in other processes over libprocess.
//
//	d, err := libprocess.NewDialer(libprocess.Config{Advertise: address})
//	defer d.Close()
//	a, err := agent.New(agent.Config{Dialer: d, PID: d.PID(), …})
//	err = d.HTTPServer(routes).Serve(listener) // messages, and all other requests of the same port
//
// The agent's process, slave(1), has one connection to a master at a time: a link, whose end the core
// hears of as the end of the link.Conn. What arrives at the process from any process at the master's
// address belongs to the connection; pings are answered to the process that sent them, which is not the
// master itself but an observer. Anything from elsewhere is dropped, except pings: a master that still
// observes this agent at an old connection gets its answers.
//
// Not there yet: executors of the v0 API, which talk to the same process.
//
// Mesos: src/slave/slave.cpp; 3rdparty/libprocess.
package libprocess
