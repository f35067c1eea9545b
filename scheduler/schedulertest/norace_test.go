//go:build !race

package schedulertest_test

// How many seeds the explorations run, and those of one fault alone.
const (
	defaultSeeds = 250
	seedsAlone   = 2
)
