package keeper

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const wholeRecord = "mesokit container 1\nmark \"A=\\\"b\\n\"\npid 4711 987654 boot-id\nexit 256\nended\n"

// A record may end anywhere: its writer was killed, or the machine was.
func TestRecordsAreReadAsFarAsTheyGo(t *testing.T) {
	whole := contents{mark: "A=\"b\n", pid: 4711, start: 987654, boot: "boot-id", exited: true, exit: Exit{Known: true, Status: 256}, ended: true}
	for cut := range len(wholeRecord) + 1 {
		text := wholeRecord[:cut]
		want := whole
		want.ended = strings.Contains(text, "ended\n")
		if !strings.Contains(text, "256\n") {
			want.exited, want.exit = false, Exit{}
		}
		if !strings.Contains(text, "boot-id\n") {
			want.pid, want.start, want.boot = 0, 0, ""
		}
		if !strings.Contains(text, "n\"\n") {
			want.mark = ""
		}
		got, err := parseRecord([]byte(text))
		if !strings.Contains(text, "\n") {
			require.Error(t, err, "%q", text)
			continue
		}
		require.NoError(t, err, "%q", text)
		require.Equal(t, want, got, "%q", text)
	}
}

func TestRecordsThatAreWrong(t *testing.T) {
	for _, bad := range []string{
		"", "\n", "mesokit container 2\n", recordHead + "\nmark A=b\n", recordHead + "\npid 1 2 b\n", recordHead + "\npid x y z\n",
		recordHead + "\nexit 65536\n", recordHead + "\nexit -1\n", recordHead + "\nlost why\n",
	} {
		_, err := parseRecord([]byte(bad))
		require.Error(t, err, "%q", bad)
	}
}

func FuzzParseRecord(f *testing.F) {
	f.Add([]byte(wholeRecord))
	f.Add([]byte(recordHead + "\nlost \"why\"\nlater word\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := parseRecord(b)
		require.False(t, err == nil && c.pid == 1, "process 1 is never a container")
	})
}

// What can't be read is known as a container that is gone, and the rest is not lost with it.
func TestAnUnreadableRecord(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "good"), []byte(wholeRecord), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "bad"), []byte("\x00\x01"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "started"), []byte(recordHead+"\nmark \"A=b\"\n"), 0o600))
	l, err := NewLocal(LocalConfig{Dir: dir})
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	require.Equal(t, Exit{Known: true, Status: 256}, wait(t, l, "good"))
	for key, says := range map[string]string{"bad": "can't be read", "started": "killed before it ended"} {
		exit := wait(t, l, key)
		require.False(t, exit.Known)
		require.Contains(t, exit.Message, says)
		require.NoError(t, l.Remove(t.Context(), key))
		require.NoFileExists(t, filepath.Join(dir, key))
	}
}
