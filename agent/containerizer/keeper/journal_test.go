package keeper

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func open(t *testing.T, dir string) *journal {
	j, err := openJournal(dir, t.Logf)
	require.NoError(t, err)
	t.Cleanup(j.close)
	return j
}

const wholeJournal = journalHead + "\nstart a \"A=\\\"b\\n\"\npid a 4711 987654 boot-id\nexit a 256\nended a\n"

// A journal may end anywhere: its writer was killed, or the machine was.
func TestAJournalIsReadAsFarAsItGoes(t *testing.T) {
	for cut := range len(wholeJournal) + 1 {
		text := wholeJournal[:cut]
		want := map[string]*record{}
		if strings.Contains(text, "n\"\n") {
			r := &record{mark: "A=\"b\n"}
			want["a"] = r
			if strings.Contains(text, "boot-id\n") {
				r.pid, r.start, r.boot = 4711, 987654, "boot-id"
			}
			if strings.Contains(text, "256\n") {
				r.exited, r.exit = true, Exit{Known: true, Status: 256}
			}
			r.ended = strings.Contains(text, "ended a\n")
		}
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, journalName), []byte(text), 0o600))
		j := open(t, dir)
		require.Equal(t, want, j.live, "%q", text)
		// What follows is not spoiled by the half line.
		require.NoError(t, j.begin("b", "m"))
		require.Equal(t, &record{mark: "m"}, open(t, dir).live["b"], "%q", text)
	}
}

func TestLinesThatAreWrongAreSkipped(t *testing.T) {
	dir := t.TempDir()
	bad := []string{
		"", "start", "start b", "start b A=b", "start  \"m\"", "start " + strings.Repeat("k", 251) + " \"m\"", "exit unknown 0", "word a", "pid a 1 2 b", "pid a -5 2 b",
		"pid a x y z", "exit a 65536", "exit a -1", "lost a why", "remove",
	}
	text := wholeJournal + strings.Join(bad, "\n") + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, journalName), []byte(text), 0o600))
	skipped := 0
	j, err := openJournal(dir, func(format string, args ...any) {
		skipped++
		require.Contains(t, fmt.Sprintf(format, args...), journalName)
	})
	require.NoError(t, err)
	defer j.close()
	require.Equal(t, len(bad), skipped)
	require.Equal(t, map[string]*record{"a": {mark: "A=\"b\n", pid: 4711, start: 987654, boot: "boot-id", exited: true, exit: Exit{Known: true, Status: 256}, ended: true}}, j.live)
}

func TestAJournalOfAnotherVersionIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, journalName)
	require.NoError(t, os.WriteFile(path, []byte("mesokit containers 2\nnews\n"), 0o600))
	_, err := openJournal(dir, t.Logf)
	require.ErrorContains(t, err, "mesokit containers 2")
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "mesokit containers 2\nnews\n", string(b))
}

// It stays in proportion to what is live, however long it is used.
func TestAJournalDoesNotGrow(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir)
	require.NoError(t, j.begin("stays", "m"))
	require.NoError(t, j.started("stays", 4711, 1))
	largest := int64(0)
	for i := range 3000 {
		key := fmt.Sprint("c", i)
		require.NoError(t, j.begin(key, "m"))
		require.NoError(t, j.exited(key, Exit{Message: "why"}, true))
		require.NoError(t, j.remove(key))
		info, err := os.Stat(j.path)
		require.NoError(t, err)
		largest = max(largest, info.Size())
	}
	require.Less(t, largest, int64(100<<10))
	require.Equal(t, map[string]*record{"stays": {mark: "m", pid: 4711, start: 1, boot: bootID()}}, open(t, dir).live)
}

// What can't be written now is not lost as long as its keeper lives.
func TestAJournalOnAFullDisk(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir)
	require.NoError(t, j.begin("a", "m"))
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("this system has no /dev/full")
	}
	require.NoError(t, j.f.Close())
	j.f = full
	require.NoError(t, os.Mkdir(j.path+".new", 0o700)) // nor can it be written anew
	require.Error(t, j.begin("b", "m"))
	require.Error(t, j.exited("a", Exit{Known: true, Status: 256}, true))
	require.NoError(t, os.Remove(j.path+".new"))
	require.NoError(t, j.begin("c", "m"))
	require.Equal(t, map[string]*record{"a": {mark: "m", exited: true, exit: Exit{Known: true, Status: 256}, ended: true}, "c": {mark: "m"}}, open(t, dir).live)
}

func FuzzJournal(f *testing.F) {
	f.Add([]byte(wholeJournal))
	f.Add([]byte(journalHead + "\nstart a \"\"\nlost a \"why\"\nlater a word\nremove a\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		j := &journal{live: map[string]*record{}}
		if j.replay(b, func(string, ...any) {}) != nil {
			return
		}
		// What was read is read again from what would be written.
		again := &journal{live: map[string]*record{}}
		text := journalHead + "\n"
		for key, r := range j.live {
			require.NotEqual(t, 1, r.pid, "process 1 is never a container")
			text += r.lines(key)
		}
		require.NoError(t, again.replay([]byte(text), func(format string, args ...any) { t.Errorf(format, args...) }))
		require.Equal(t, j.live, again.live)
	})
}

// What the journal does not know to the end is known as gone.
func TestAContainerThatWasBeingStarted(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, journalName), []byte(journalHead+"\nstart a \"A=b\"\n"), 0o600))
	l, err := NewLocal(LocalConfig{Dir: dir})
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	exit := wait(t, l, "a")
	require.False(t, exit.Known)
	require.Contains(t, exit.Message, "killed before it ended")
	require.NoError(t, l.Remove(t.Context(), "a"))
	require.NotContains(t, open(t, dir).live, "a")
}
