// Package daemon is what the example programs share: flags as Mesos has them, logs, listening, and
// ending on a signal.
//
// Flags are --name=value; a boolean is also --name or --no-name. Each can come from the environment,
// as MESOS_NAME; the command line wins. A value file:///path is replaced by what the file holds. A flag
// given twice is an error.
package daemon
