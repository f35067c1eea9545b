// Package scheduler is the framework author's door: callbacks, and a driver that keeps them fed.
package scheduler
