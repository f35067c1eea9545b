// Package mesokit is Apache Mesos reborn as one embeddable Go module.
package mesokit
