package memory_test

import (
	"testing"

	"github.com/mesokit/mesokit/master/registry"
	"github.com/mesokit/mesokit/master/registry/memory"
	"github.com/mesokit/mesokit/master/registry/registrytest"
)

func TestStorage(t *testing.T) {
	registrytest.Run(t, func(t *testing.T) func() registry.Storage {
		s := &memory.Storage{}
		return func() registry.Storage { return s }
	})
}
