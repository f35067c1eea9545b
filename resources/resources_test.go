package resources

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEntriesThatCanBeAddedAreOne(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "{}",
		"cpus:1;cpus:2":                 "cpus:3",
		"cpus:0":                        "{}",
		"cpus(r):1;cpus:1":              "cpus:1; cpus(reservations: [(STATIC,r)]):1",
		"ports:[1-3];ports:[4-6]":       "ports:[1-6]",
		"mem:1.5001;mem:1.5":            "mem:3",
		"zones:{b, a};zones:{c};cpus:1": "cpus:1; zones:{a, b, c}",
		"ports:[5-9, 1-2];mem:2;disk:3;cpus:1;gpus:4;x:1": "cpus:1; mem:2; disk:3; gpus:4; ports:[1-2, 5-9]; x:1",
	} {
		r, err := Parse(text)
		require.NoError(t, err, text)
		require.Equal(t, want, r.String(), text)
	}
}
