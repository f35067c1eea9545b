//go:build !race

package schedulertest_test

// defaultSeeds is how many seeds the explorations run.
const defaultSeeds = 250
