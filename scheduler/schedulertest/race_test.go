//go:build race

package schedulertest_test

// defaultSeeds is how many seeds the explorations run: fewer with the race detector, which is slow.
const defaultSeeds = 100
