package agent

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Whatever reads a checkpoint reads it with encoding/json: what is written by hand must be the same.
func TestRecordsAreWrittenAsEncodingJSONDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, flag := rapid.String(), rapid.Bool()
		bytes := rapid.OneOf(rapid.Just[[]byte](nil), rapid.SliceOf(rapid.Byte()))
		for _, r := range []interface{ encode() []byte }{
			&executorRecord{
				Version: recordVersion, Seq: rapid.Uint64().Draw(t, "seq"), Info: bytes.Draw(t, "info"),
				Supervised: flag.Draw(t, "supervised"), Container: text.Draw(t, "container"), Sandbox: text.Draw(t, "sandbox"),
				Launched: flag.Draw(t, "launched"), Pid: rapid.IntMin(0).Draw(t, "pid"),
				Subscribed: flag.Draw(t, "subscribed"), Reported: flag.Draw(t, "reported"), Ended: flag.Draw(t, "ended"),
			},
			&taskRecord{
				Version: recordVersion, Seq: rapid.Uint64().Draw(t, "seq"), Executor: text.Draw(t, "executor"),
				Info: bytes.Draw(t, "info"), Batch: rapid.Uint64().Draw(t, "batch"),
			},
			&updateRecord{Version: recordVersion, Update: bytes.Draw(t, "update"), Acked: flag.Draw(t, "acked")},
		} {
			want, err := json.Marshal(r)
			require.NoError(t, err)
			require.Equal(t, string(want), string(r.encode()))
		}
		update := updateRecord{Version: recordVersion, Update: bytes.Draw(t, "update")}
		record := update.encode()
		before := string(record)
		update.Acked = true
		require.Equal(t, string(update.encode()), string(acknowledged(record)))
		require.Equal(t, before, string(record), "a store may have it")
		require.Nil(t, acknowledged(nil))
	})
}
