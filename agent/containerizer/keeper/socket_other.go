//go:build unix && !linux

package keeper

import (
	"errors"
	"net"
	"os"
)

const own = ""

// lock does nothing: there are no keepers to share with.
func lock(string) (*os.File, error) { return nil, nil }

var errNoKeeper = errors.New("a keeper process needs Linux")

func listen(string) (*net.UnixListener, error) { return nil, errNoKeeper }
func dial(string) (*net.UnixConn, error)       { return nil, errNoKeeper }
func checkPeer(*net.UnixConn) error            { return errNoKeeper }
func keepDescriptors()                         {}
func dup2(int, int) error                      { return errNoKeeper }
