// Package offer keeps the outstanding offers of a master: what was offered to whom and is not yet used,
// declined or taken back.
//
// It stands between the allocator, which decides what is offered, and ACCEPT, which uses it. A [Book]
// is a plain data structure without clock or loop; the master's core owns it. What it lists, it lists
// in the order in which the offers were made.
//
// Mesos: src/master/validation.cpp (offer::validate), src/master/master.cpp (Master::offers).
package offer
