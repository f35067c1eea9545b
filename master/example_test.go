package master_test

import (
	"fmt"
	"runtime"

	"github.com/mesokit/mesokit/master"
)

// A master that leads alone, with its registry in memory. Transports join frameworks and agents to it,
// see the packages below this one.
func Example() {
	m, err := master.New(master.Config{Cluster: "demo"})
	if err != nil {
		fmt.Println(err)
		return
	}
	m.Start()
	defer m.Stop()
	for !m.Snapshot().Recovered {
		runtime.Gosched()
	}
	s := m.Snapshot()
	fmt.Println(s.Cluster, "is led by", s.Leader.GetPid())
	// Output: demo is led by master@127.0.0.1:5050
}
