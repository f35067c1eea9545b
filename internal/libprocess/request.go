package libprocess

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

const agentPrefix = "libprocess/"

// isMessage tells messages from ordinary HTTP requests.
//
// Source: Mesos 3rdparty/libprocess/src/process.cpp, libprocess(Request*).
func isMessage(method string, header http.Header) bool {
	if method != http.MethodPost {
		return false
	}
	_, from := header["Libprocess-From"]
	return from || strings.HasPrefix(header.Get("User-Agent"), agentPrefix)
}

// sender is who the message says it is from: Libprocess-From if there, else the rest of User-Agent. What is
// unreadable is NoPID, not an error, as in the reference.
func sender(header http.Header) UPID {
	if from, ok := header["Libprocess-From"]; ok && len(from) > 0 {
		return ParseUPID(strings.TrimSpace(from[0]))
	}
	return ParseUPID(strings.TrimSpace(strings.TrimPrefix(header.Get("User-Agent"), agentPrefix)))
}

// refusal is an answer other than 202. Its text follows the reference's.
type refusal struct {
	code int
	text string
	end  bool // close the connection, since what follows on it can't be found or isn't wanted
}

func notFound() *refusal { return &refusal{http.StatusNotFound, "404 Not Found.", false} }

// target splits a request target into the process id, decoded, and the message name, which is everything after the
// id's slash and left as it is. The query is ignored.
func target(uri string) (id, name string, refused *refusal) {
	path, _, _ := strings.Cut(uri, "?")
	if !strings.HasPrefix(path, "/") {
		if i := strings.Index(path, "://"); i >= 0 { // absolute form: http://host/id/name
			path = path[i+len("://"):]
			path = path[strings.IndexByte(path+"/", '/'):]
		}
	}
	if !strings.HasPrefix(path, "/") {
		return "", "", &refusal{http.StatusBadRequest, "Request URL path must start with '/'", false}
	}
	id, name, _ = strings.Cut(path[1:], "/")
	id, err := url.PathUnescape(id)
	if err != nil {
		return "", "", &refusal{http.StatusInternalServerError, "Failed to decode URL path: " + err.Error(), false}
	}
	return id, name, nil
}

// checkPeerIP holds a claimed sender against the address of the connection.
func checkPeerIP(from UPID, remote string) *refusal {
	addr, err := netip.ParseAddrPort(remote)
	if err == nil && addr.Addr().Unmap() == netip.AddrFrom4(from.IP) {
		return nil
	}
	return &refusal{http.StatusBadRequest, fmt.Sprintf(
		"UPID IP address validation failed: message from %s was sent from IP %s", from, addr.Addr().Unmap()), false}
}
