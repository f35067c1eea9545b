//go:build race

package schedulertest_test

// How many seeds the explorations run, and those of one fault alone: fewer with the race detector, which
// makes each several times slower.
const (
	defaultSeeds = 20
	seedsAlone   = 1
)
