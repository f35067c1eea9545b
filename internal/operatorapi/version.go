package operatorapi

import (
	"runtime/debug"
	"sync"
	"time"
)

// Build says what this program was built from. What is not known is empty.
type Build struct {
	Time   time.Time // of the sources
	Commit string
}

// ThisBuild is the build of the running program, as the Go tool recorded it.
var ThisBuild = sync.OnceValue(func() (b Build) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Time, _ = time.Parse(time.RFC3339, s.Value) // zero if it is not one
		}
	}
	return b
})

// DateField and the others write the members that tell of a build.
func (b Build) DateField(j *JSON) {
	date := ""
	if !b.Time.IsZero() {
		date = b.Time.UTC().Format("2006-01-02 15:04:05 UTC")
	}
	j.Field("build_date", date)
	j.TimeField("build_time", b.Time)
	j.Field("build_user", "")
}

// CommitField writes what the sources are, if that is known.
func (b Build) CommitField(j *JSON) { j.OptionalField("git_sha", b.Commit) }

// Version makes the document of /version. version has to be three numbers with dots: clients take it
// apart.
func Version(version string) *Document {
	var b Builder
	b.Open('{')
	ThisBuild().DateField(&b.JSON)
	ThisBuild().CommitField(&b.JSON)
	b.Field("version", version)
	b.Close('}')
	return b.Document()
}

// Flags makes the document of /flags.
func Flags(flags map[string]string) *Document {
	var b Builder
	b.Open('{')
	b.FlagsField(flags)
	b.Close('}')
	return b.Document()
}
