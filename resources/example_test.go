package resources_test

import (
	"fmt"

	"github.com/mesokit/mesokit/resources"
)

func Example() {
	offer := resources.MustParse("cpus:4;mem:2048;ports:[31000-32000]")
	task := resources.MustParse("cpus:1;mem:128")

	tasks := 0
	for offer.Contains(task) {
		offer = offer.Sub(task)
		tasks++
	}
	fmt.Println(tasks, "tasks fit; left:", offer)
	// Output: 4 tasks fit; left: mem:1536; ports:[31000-32000]
}

func ExampleRanges_Take() {
	offer := resources.MustParse("ports:[31000-31001, 31005-32000]")
	ports := offer.Ports().Take(3)
	task := resources.NewRange("ports", ports...).Resources()
	fmt.Println(task, "leaves", offer.Sub(task))
	// Output: ports:[31000-31001, 31005-31005] leaves ports:[31006-32000]
}

func ExampleReserve() {
	offer := resources.MustParse("cpus:4;mem:2048")
	wanted, err := resources.MustParse("cpus:1;mem:512").
		PushReservation(resources.Reservation{Type: resources.Dynamic, Role: "db", Principal: "me"})
	if err != nil {
		fmt.Println(err)
		return
	}
	conversions, err := resources.Reserve(wanted)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(offer.Apply(conversions...))
	// Output: cpus:3; mem:1536; cpus(reservations: [(DYNAMIC,db,me)]):1; mem(reservations: [(DYNAMIC,db,me)]):512 <nil>
}

func ExampleResource_WithDisk() {
	volume := resources.NewScalar("disk", 512*resources.Unit).
		Reserved(resources.Reservation{Type: resources.Dynamic, Role: "db"}).
		WithDisk(&resources.DiskInfo{
			Persistence: &resources.Persistence{ID: "data-1"},
			Volume:      &resources.Volume{ContainerPath: "data"},
		})
	fmt.Println(volume, "is made of", volume.WithoutVolume())
	// Output: disk(reservations: [(DYNAMIC,db)])[data-1:data]:512 is made of disk(reservations: [(DYNAMIC,db)]):512
}

func ExampleAccumulator() {
	var used resources.Accumulator
	for range 10 {
		used.Add(resources.MustParse("cpus:0.1;mem:32"))
	}
	used.Sub(resources.MustParse("mem:64"))
	fmt.Println(used.Resources())
	// Output: cpus:1; mem:256
}

func ExampleParseFlag() {
	total, names, err := resources.ParseFlag("cpus:8;gpus:0;mem(prod):1024", resources.AnyRole)
	fmt.Println(total, names, err)
	// Output: cpus:8; mem(reservations: [(STATIC,prod)]):1024 [cpus gpus mem] <nil>
}

func ExampleResources_Shrink() {
	target, err := resources.ParseQuantities("cpus:3;mem:512")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(resources.MustParse("cpus:2;cpus(r):2;mem:1024;disk:100").Shrink(target, nil))
	// Output: cpus:2; mem:512; cpus(reservations: [(STATIC,r)]):1
}
