package resources

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseReportsWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		"cpus":                              "missing or extra ':' in 'cpus'",
		"cpus:1:2":                          "missing or extra ':' in 'cpus:1:2'",
		"cpus:1;mem":                        "missing or extra ':' in 'mem'",
		"cpus(r:1":                          "mismatched parentheses",
		"cpus:-1":                           "bad type for resource cpus value -1 type TEXT",
		"cpus:inf":                          "type TEXT",
		"cpus:nan":                          "type TEXT",
		"cpus:four":                         "type TEXT",
		"cpus:1e-310":                       "too small",
		"cpus:0.0004":                       "Invalid scalar resource: value <= 0",
		"cpus:1e300":                        "is not a number below",
		"cpus: ":                            "expecting non-empty string",
		":1":                                "missing or extra ':'",
		" :1":                               "Empty resource name",
		"ports:[1-2":                        "mismatched brackets",
		"ports:[1-2, 3]":                    "expecting one or more",
		"ports:[a-b]":                       "expecting non-negative integers in 'a-b'",
		"ports:[5-1]":                       "Invalid ranges resource: begin > end",
		"ports:1[2-3]":                      "unexpected '['",
		"zones:a{b}":                        "unexpected '{'",
		"zones:{a, a}":                      "Invalid set resource: duplicated elements",
		"cpus(a//b):1":                      "Role 'a//b' cannot contain two adjacent slashes",
		"cpus:1;cpus:[1-2]":                 "Resources with the same name ('cpus') but different types are not allowed",
		`[{"name":"cpus"`:                   "not a JSON array",
		`[{"name":"cpus"}]`:                 "resource 0 of the JSON array",
		`[{"name":1,"type":"SCALAR"}]`:      "resource 0 of the JSON array",
		`[{"name":"cpus","type":"SCALAR"}]`: "Invalid scalar resource",
		`[{"name":"cpus","type":"SCALAR","scalar":{"value":-1}}]`: "Resource 'cpus:-1' is invalid: Invalid scalar resource: value <= 0",
	} {
		_, err := Parse(text)
		require.ErrorContains(t, err, want, text)
	}
}

func TestParseAccepts(t *testing.T) {
	for text, want := range map[string]string{
		" cpus : 4 ; mem ( prod ) : 1024 ;ports:[31000 - 32000];\n": "cpus:4; ports:[31000-32000]; mem(reservations: [(STATIC,prod)]):1024",
		"cpus(*):1":             "cpus:1",
		"cpus(eng/db):1":        "cpus(reservations: [(STATIC,eng/db)]):1",
		"cpus:0x10":             "cpus:16",
		"ports:[0x10-0x1f,3-4]": "ports:[3-4, 16-31]",
		"ports:[1-5, 3-8]":      "ports:[1-8]", // text is coalesced before it is checked
		"ports:[]":              "{}",
		"zones:{}":              "{}",
		"cpus:1e3":              "cpus:1000",
		"[]":                    "{}",
		` [{"name":"cpus","type":"SCALAR","scalar":{"value":8},"role":"prod","unheard":1}] `:                                    "cpus(reservations: [(STATIC,prod)]):8",
		`[{"name":"cpus","type":"SCALAR","scalar":{"value":2},"reservations":[{"type":"DYNAMIC","role":"a","principal":"p"}]}]`: "cpus(reservations: [(DYNAMIC,a,p)]):2",
	} {
		r, err := Parse(text)
		require.NoError(t, err, text)
		require.Equal(t, want, r.String(), text)
	}
	require.PanicsWithValue(t, `resources.MustParse("cpus"): bad value for resources, missing or extra ':' in 'cpus'`,
		func() { MustParse("cpus") })
}

func TestParseFlag(t *testing.T) {
	r, names, err := ParseFlag("cpus:0;mem(ops):10;disk:5", "prod")
	require.NoError(t, err)
	require.Equal(t, "mem(reservations: [(STATIC,ops)]):10; disk(reservations: [(STATIC,prod)]):5", r.String())
	require.Equal(t, []string{"cpus", "disk", "mem"}, names, "a zero still says: don't detect")

	r, _, err = ParseFlag(`[{"name":"cpus","type":"SCALAR","scalar":{"value":8}},
		{"name":"disk","type":"SCALAR","scalar":{"value":9},"reservations":[{"type":"STATIC","role":"x"}],
		 "disk":{"source":{"type":"MOUNT","mount":{"root":"/mnt"}}}}]`, "prod")
	require.NoError(t, err)
	require.Equal(t, "cpus(reservations: [(STATIC,prod)]):8; disk(reservations: [(STATIC,x)])[MOUNT:/mnt]:9", r.String())

	for text, want := range map[string]string{
		`[{"name":"cpus","type":"SCALAR","scalar":{"value":8},"reservations":[{"type":"DYNAMIC","role":"a"}]}]`: "Dynamic reservations cannot be specified",
		`[{"name":"cpus","type":"SCALAR","scalar":{"value":8},"revocable":{}}]`:                                 "Revocable resources cannot be specified",
		`[{"name":"disk","type":"SCALAR","scalar":{"value":8},"role":"a","disk":{"persistence":{"id":"i"}}}]`:   "Persistent volumes cannot be specified",
		"cpus": "missing or extra ':'",
	} {
		_, _, err := ParseFlag(text, AnyRole)
		require.ErrorContains(t, err, want, text)
	}
}

// The string forms are those of the reference's logs and error messages.
func TestStrings(t *testing.T) {
	dynamic := Reservation{Type: Dynamic, Role: "dev", Labels: []Label{{"why", "test"}}}
	disk := NewScalar("disk", 64*Unit)
	volume := &DiskInfo{Persistence: &Persistence{ID: "id1"}, Volume: &Volume{ContainerPath: "path1"}}
	mount := &DiskSource{Type: MountSource, Root: "/mnt"}
	for want, r := range map[string]Resource{
		"cpus(allocated: dev)(reservations: [(DYNAMIC,dev,{why: test})]):0.5": NewScalar("cpus", 500).Reserved(dynamic).AllocatedTo("dev"),
		"cpus(reservations: [(STATIC,a),(DYNAMIC,a/b,p,{k: v, l})]):1": NewScalar("cpus", Unit).Reserved(
			Reservation{Type: Static, Role: "a"},
			Reservation{Type: Dynamic, Role: "a/b", Principal: "p", Labels: []Label{{"k", "v"}, {"l", ""}}}),
		"disk[id1:path1]:64":            disk.WithDisk(volume),
		"disk[id1:/host:path1:rw]:64":   disk.WithDisk(&DiskInfo{Persistence: volume.Persistence, Volume: &Volume{ContainerPath: "path1", HostPath: "/host"}}),
		"disk[MOUNT:/mnt]:64":           disk.WithDisk(&DiskInfo{Source: mount}),
		"disk[MOUNT:/mnt,id1:path1]:64": disk.WithDisk(&DiskInfo{Source: mount, Persistence: volume.Persistence, Volume: volume.Volume}),
		"disk[RAW(vendor,,fast)]:64":    disk.WithDisk(&DiskInfo{Source: &DiskSource{Type: RawSource, Vendor: "vendor", Profile: "fast"}}),
		"disk[BLOCK]:64":                disk.WithDisk(&DiskInfo{Source: &DiskSource{Type: BlockSource}}),
		"disk[PATH:/p]:64":              disk.WithDisk(&DiskInfo{Source: &DiskSource{Type: PathSource, Root: "/p"}}),
		"disk[id1:path1]<SHARED>:64":    disk.WithDisk(volume).AsShared(3),
		"cpus{REV}:1":                   NewScalar("cpus", Unit).AsRevocable(),
		"ports:[1-2]":                   NewRange("ports", Range{1, 2}),
		"zones:{a, b}":                  NewItems("zones", "b", "a"),
	} {
		require.Equal(t, want, r.String())
	}
}

func TestRoles(t *testing.T) {
	for _, role := range []string{"*", "a", "a/b/c", "eng-db", "a.b", "...", "a*", "ü"} {
		require.NoError(t, ValidateRole(role), role)
	}
	for role, want := range map[string]string{
		"":         "Role names cannot be the empty string",
		"/a":       "Role '/a' cannot start with a slash",
		"/":        "Role '/' cannot start with a slash",
		"a/":       "Role 'a/' cannot end with a slash",
		"a//b":     "Role 'a//b' cannot contain two adjacent slashes",
		"a/..":     "Role 'a/..' cannot include '..' as a component",
		".":        "Role '.' cannot include '.' as a component",
		"a/*":      "Role 'a/*' cannot include '*' as a component",
		"-a":       "Role component '-a' is invalid because it starts with a dash",
		"a/-b":     "Role component '-b' is invalid because it starts with a dash",
		"bad role": "Role component 'bad role' is invalid because it contains backspace or whitespace",
		"a\tb":     "Role component 'a\tb' is invalid because it contains backspace or whitespace",
		"a\x7f":    "Role component 'a\x7f' is invalid because it contains backspace or whitespace",
	} {
		require.EqualError(t, ValidateRole(role), want)
	}
	require.True(t, IsStrictSubrole("a/b", "a"))
	require.False(t, IsStrictSubrole("a", "a"))
	require.False(t, IsStrictSubrole("ab", "a"))
	var above []string
	for role := range Ancestors("a/b/c") {
		above = append(above, role)
	}
	require.Equal(t, []string{"a/b", "a"}, above)
}

func TestTotalsForTheLegacyEndpoints(t *testing.T) {
	require.Equal(t, []Total{
		{Name: "disk"},
		{Name: "mem", Scalar: 1024 * Unit},
		{Name: "gpus"},
		{Name: "cpus", Scalar: 5500},
		{Name: "ports", Type: TypeRanges, Text: "[31000-32000]"},
		{Name: "zones", Type: TypeSet, Text: "{a, b}"},
		{Name: "cpus_revocable", Scalar: 2 * Unit},
	}, MustParse("cpus:4;cpus(r):1.5;mem(r):1024;ports:[31000-32000];zones:{a, b}").
		Add(NewScalar("cpus", 2*Unit).AsRevocable().Resources()).Totals())
}

func TestAttributes(t *testing.T) {
	list, err := ParseAttributes("rack:r1;gen:2\nurl:http://x:1;ports:[1-2];rack:r2")
	require.NoError(t, err)
	require.Len(t, list, 5)
	require.Equal(t, "r1", list[0].GetText().GetValue())
	require.Equal(t, 2.0, list[1].GetScalar().GetValue())
	require.Equal(t, "http://x:1", list[2].GetText().GetValue())
	require.Equal(t, uint64(2), list[3].GetRanges().GetRange()[0].GetEnd())
	require.Equal(t, "rack", list[4].GetName())
	for text, want := range map[string]string{
		"rack": "want name:value", ":r1": "want name:value", "rack:": "non-empty", "zones:{a}": "is a set", "p:[1": "mismatched",
	} {
		_, err := ParseAttributes(text)
		require.ErrorContains(t, err, want, text)
	}
}
