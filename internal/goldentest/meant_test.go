package goldentest

import (
	"encoding/base64"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// meant is a difference that is meant: where, what was recorded and what comes instead (expressions that
// match all of it), or when two values are the same.
type meant struct {
	path      string // expression
	want, got string // expressions
	same      func(want, got string) bool
	reason    string
}

func (m meant) covers(path, want, got string) bool {
	if !whole(m.path).MatchString(path) {
		return false
	}
	if m.same != nil {
		return m.same(want, got)
	}
	return whole(m.want).MatchString(want) && whole(m.got).MatchString(got)
}

func whole(expression string) *regexp.Regexp { return regexp.MustCompile(`(?s)^(` + expression + `)$`) }

var (
	noSniffing = meant{
		path: `response header X-Content-Type-Options`, want: ``, got: `\[nosniff\]`,
		reason: "a text that quotes what a client sent must not be taken for a page by a browser",
	}
	closes = meant{
		path: `response header Connection`, want: ``, got: `\[close\]`,
		reason: "the client asked for it, and RFC 9112 wants the server to say that it does so",
	}
	noQuotaV2 = meant{
		path:   `SUBSCRIBED subscribed\.master_info\.capabilities`,
		want:   regexp.QuoteMeta(`[{"type":"AGENT_UPDATE"},{"type":"AGENT_DRAINING"},{"type":"QUOTA_V2"}]`),
		got:    regexp.QuoteMeta(`[{"type":"AGENT_UPDATE"},{"type":"AGENT_DRAINING"}]`),
		reason: "the JSON codec of mesos-go dies of QUOTA_V2, so it is left out of JSON",
	}
	inspection = meant{
		path:   `UPDATE update\.status\.data`,
		same:   func(want, got string) bool { return isInspection(want) && isInspection(got) },
		reason: "what docker inspect prints is of another container on another engine; agent/containerizer/docker compares it",
	}
	noImage = meant{
		path:   `UPDATE update\.status\.message`,
		want:   `Failed to launch container: Failed to run 'docker -H .* pull 127\.0\.0\.1:1/busybox:nosuch': exited with status 1; .*`,
		got:    `Failed to launch container: .*127\.0\.0\.1:1/busybox:nosuch.*`,
		reason: "no docker program is run, and the text says what to do",
	}
	orderOfResources = meant{
		path:   `UPDATE update\.status\.message`,
		same:   sameResources,
		reason: "resources are a set; the reference prints ports first because of how it computes what is left",
	}
)

// isInspection says whether data, in base64, is what docker inspect prints of one container.
func isInspection(data string) bool {
	text, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return false
	}
	var list []struct{ ID string }
	return json.Unmarshal(text, &list) == nil && len(list) == 1 && len(list[0].ID) == 64
}

// sameResources compares two texts that end with a list of resources.
func sameResources(want, got string) bool {
	const available = "is more than available "
	a, listA, foundA := strings.Cut(want, available)
	b, listB, foundB := strings.Cut(got, available)
	return foundA && foundB && a == b && slices.Equal(elements(listA), elements(listB))
}

func elements(list string) []string {
	e := strings.Split(list, "; ")
	slices.Sort(e)
	return e
}

// What may never be in a list of differences that are meant.
func TestWhatMayNotDiffer(t *testing.T) {
	for name, list := range lists {
		for _, m := range list {
			require.NotEmpty(t, m.reason, "%s: %s", name, m.path)
			for _, path := range []string{
				"response status", "UPDATE update.status.state", "UPDATE update.status.reason", "UPDATE update.status.source",
				"UPDATE{keys}", "UPDATE update.status{keys}", "SUBSCRIBED subscribed{keys}", "OFFERS offer{keys}", "OFFERS offer.resources[0]{keys}",
			} {
				require.False(t, whole(m.path).MatchString(path), "%s: %s covers %s", name, m.path, path)
			}
		}
	}
}

// lists of the differences that are meant, by recording.
var lists = map[string][]meant{
	"errors":       {noSniffing, noQuotaV2},
	"v1-subscribe": {noSniffing, noQuotaV2},
	"v1-calls":     {noSniffing, noQuotaV2, orderOfResources},
	"v1-docker":    {noSniffing, noQuotaV2, inspection, noImage},
	"v1-go-json":   {noQuotaV2, closes},
	"v1-mesos-go":  {closes},
}
