package containerizer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mesokit/mesokit/mesosproto"
)

// maxKey is what a file name can hold, less what implementations put around a key.
const maxKey = 242

// Key is the text of a container's id: the values of its ancestors, outermost first, and its own,
// joined by dots. It is unique among ids that [CheckID] accepts, and usable as a file name.
func Key(id *mesosproto.ContainerID) string {
	if id.GetParent() == nil {
		return id.GetValue()
	}
	var values []string
	for ; id != nil; id = id.GetParent() {
		values = append(values, id.GetValue())
	}
	slices.Reverse(values)
	return strings.Join(values, ".")
}

// CheckID says what is wrong with an id that came from a peer: values must not be empty, nor contain
// dots, slashes, spaces or control characters, and the key must be no longer than 242 bytes.
func CheckID(id *mesosproto.ContainerID) error {
	if id == nil {
		return fmt.Errorf("the container has no id; set one, such as a random UUID")
	}
	total := 0
	for p := id; p != nil; p = p.GetParent() {
		if p.GetValue() == "" {
			return fmt.Errorf("container id %q has an empty value; use a random UUID", Key(id))
		}
		if i := strings.IndexFunc(p.GetValue(), func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune(`./\`, r) }); i >= 0 {
			return fmt.Errorf("container id %q has the character %q; only use what a UUID has", p.GetValue(), p.GetValue()[i])
		}
		if total += len(p.GetValue()) + 1; total > maxKey+1 {
			return fmt.Errorf("container id is longer than %d bytes with its parents; use UUIDs and nest less", maxKey)
		}
	}
	return nil
}
