package posix

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"

	"github.com/mesokit/mesokit/agent/containerizer/keeper"
)

// credentialOf is who a user name stands for, with all groups; nil if that is who the agent is. Names
// are looked up on the host; without cgo only in /etc/passwd and /etc/group.
func credentialOf(name string) (*keeper.Credential, error) {
	if name == "" {
		return nil, nil
	}
	u, err := user.Lookup(name)
	if unknown := user.UnknownUserError(""); errors.As(err, &unknown) {
		return nil, fmt.Errorf("there is no user %q on this agent; create it, or change the framework's or the command's user", name)
	}
	if err != nil {
		return nil, fmt.Errorf("look up user %q: %w", name, err)
	}
	uid, gid, err := ids(u)
	if err != nil {
		return nil, err
	}
	if self := os.Geteuid(); int(uid) == self {
		return nil, nil
	} else if self != 0 {
		return nil, fmt.Errorf("the agent runs as user id %d and can't switch to user %q; run it as root, or set switch_user=false", self, name)
	}
	groups, err := u.GroupIds()
	if err != nil {
		return nil, fmt.Errorf("look up the groups of user %q: %w", name, err)
	}
	c := &keeper.Credential{UID: uid, GID: gid}
	for _, group := range groups {
		id, err := strconv.ParseUint(group, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("user %q: group id %q is no number", name, group)
		}
		c.Groups = append(c.Groups, uint32(id))
	}
	return c, nil
}

func ids(u *user.User) (uid, gid uint32, err error) {
	wide, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return 0, 0, fmt.Errorf("user %q: id %q is no number", u.Username, u.Uid)
	}
	wideGroup, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return 0, 0, fmt.Errorf("user %q: group id %q is no number", u.Username, u.Gid)
	}
	return uint32(wide), uint32(wideGroup), nil
}
