// Package kindspb has a generated message with a field of every kind and shape, for the tests of
// package mesosjson: the messages of Mesos do not use all of them.
package kindspb
