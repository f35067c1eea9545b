//go:build !unix

package filestore

import "os"

// lock does nothing: here it is up to the operator that only one process has the store.
func lock(*os.File) error { return nil }
