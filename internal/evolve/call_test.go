package evolve_test

import (
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/mesokit/mesokit/internal/evolve"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// Bodies that v0 drivers of the reference sent to /master/mesos.scheduler.Call.
var captured = map[string]string{
	"subscribe, C++": "EAEaNwozCgRyb290EhRUZXN0IEZyYW1ld29yayAoQysrKSgAOgJ2bUIEdGVzdFICCAZSAggHYgEqIgA=",
	"subscribe, Java": "EAEaUApMCgRyb290EhtDb2RlRnV0dXJlc0V4YW1wbGVGcmFtZXdvcmshAAAAAAAAAAA6CWxvY2FsaG9zdEIT" +
		"dGVzdC1mcmFtZXdvcmstamF2YSIA",
	"acknowledge": "CisKKTRjMWI5ZTM1LTAyNjYtNDcwNS1hNDI3LTA0YjExNzhmNzE2OC0wMDAwEAhCQgopCic0YzFiOWUzNS0wMjY2" +
		"LTQ3MDUtYTQyNy0wNGIxMTc4ZjcxNjgtUzASAwoBMRoQTdK5C6H2Sv6sEr4LH21UVA==",
}

func TestCapturedCallsComeBackAsTheSameBytes(t *testing.T) {
	for name, body := range captured {
		t.Run(name, func(t *testing.T) {
			v0, err := base64.StdEncoding.DecodeString(body)
			require.NoError(t, err)

			call, force, err := evolve.UnmarshalCall(v0)
			require.NoError(t, err)
			require.False(t, force)
			if call.GetType() == schedulerpb.Call_SUBSCRIBE {
				require.NotNil(t, call.GetSubscribe().GetOfferConstraints())
				require.Empty(t, call.GetSubscribe().ProtoReflect().GetUnknown())
			}

			again, err := evolve.MarshalCall(call, force)
			require.NoError(t, err)
			require.Equal(t, v0, again)
		})
	}
}

// The v0 layout of Subscribe, written by hand: force = 2, suppressed_roles = 3, offer_constraints = 4.
func TestSubscribeIsRenumbered(t *testing.T) {
	info, err := proto.Marshal(&mesosproto.FrameworkInfo{User: proto.String("u"), Name: proto.String("n")})
	require.NoError(t, err)
	var subscribe []byte
	subscribe = appendBytes(subscribe, 1, info)
	subscribe = appendVarint(subscribe, 2, 1)
	subscribe = appendBytes(subscribe, 3, []byte("a"))
	subscribe = appendBytes(subscribe, 3, []byte("b/c"))
	subscribe = appendBytes(subscribe, 4, nil)
	var v0 []byte
	v0 = appendVarint(v0, 2, uint64(schedulerpb.Call_SUBSCRIBE))
	v0 = appendBytes(v0, 3, subscribe)

	call, force, err := evolve.UnmarshalCall(v0)
	require.NoError(t, err)
	require.True(t, force)
	require.True(t, proto.Equal(&schedulerpb.Call{
		Type: schedulerpb.Call_SUBSCRIBE.Enum(),
		Subscribe: &schedulerpb.Call_Subscribe{
			FrameworkInfo:    &mesosproto.FrameworkInfo{User: proto.String("u"), Name: proto.String("n")},
			SuppressedRoles:  []string{"a", "b/c"},
			OfferConstraints: &schedulerpb.OfferConstraints{},
		},
	}, call), "got %v", call)

	again, err := evolve.MarshalCall(call, true)
	require.NoError(t, err)
	require.Equal(t, v0, again)
}

// A Subscribe that occurs twice is merged field by field, so a force in the first one counts.
func TestForceIsMergedAsProtobufMerges(t *testing.T) {
	info, err := proto.Marshal(&mesosproto.FrameworkInfo{User: proto.String("u"), Name: proto.String("n")})
	require.NoError(t, err)
	forced := appendVarint(nil, 2, 1)
	unforced := appendVarint(nil, 2, 0)
	plain := appendBytes(nil, 1, info)

	for _, tt := range []struct {
		name       string
		subscribes [][]byte
		force      bool
	}{
		{"none", [][]byte{plain}, false},
		{"in the first", [][]byte{forced, plain}, true},
		{"in the last", [][]byte{plain, forced}, true},
		{"taken back", [][]byte{forced, plain, unforced}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var v0 []byte
			for _, s := range tt.subscribes {
				v0 = appendBytes(v0, 3, s)
			}
			_, force, err := evolve.UnmarshalCall(v0)
			require.NoError(t, err)
			require.Equal(t, tt.force, force)
		})
	}
}

// A field of another wire type is unknown to v0. Renumbered, it could be taken for another field.
func TestMistypedSubscribeFieldsAreDropped(t *testing.T) {
	info, err := proto.Marshal(&mesosproto.FrameworkInfo{User: proto.String("u"), Name: proto.String("n")})
	require.NoError(t, err)
	subscribe := appendBytes(nil, 1, info)
	subscribe = appendBytes(subscribe, 2, []byte("not a bool"))
	subscribe = appendVarint(subscribe, 3, 1)
	subscribe = appendVarint(subscribe, 4, 1)
	subscribe = appendVarint(subscribe, 9, 1)

	call, force, err := evolve.UnmarshalCall(appendBytes(nil, 3, subscribe))
	require.NoError(t, err)
	require.False(t, force)
	require.Empty(t, call.GetSubscribe().GetSuppressedRoles())
	require.Nil(t, call.GetSubscribe().GetOfferConstraints())
	require.Equal(t, appendVarint(nil, 9, 1), []byte(call.GetSubscribe().ProtoReflect().GetUnknown()),
		"numbers that both leave free are kept")
}

func TestBadCallsAreErrors(t *testing.T) {
	for name, body := range map[string][]byte{
		"truncated tag":        {0x80},
		"truncated subscribe":  {0x1a, 0x05, 0x0a},
		"garbage in subscribe": appendBytes(nil, 3, []byte{0x0a, 0xff}),
		"unclosed group":       {0x1b},
		"no framework_info":    appendBytes(nil, 3, nil),
		"field number 0":       {0x00, 0x01},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := evolve.UnmarshalCall(body)
			require.ErrorContains(t, err, "decode v0 scheduler call of ")
		})
	}
	_, err := evolve.MarshalCall(&schedulerpb.Call{Subscribe: &schedulerpb.Call_Subscribe{}}, false)
	require.ErrorContains(t, err, "framework_info")
}

func TestEveryCallComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringN(0, 8, 16)
		call := &schedulerpb.Call{Type: schedulerpb.Call_SUBSCRIBE.Enum()}
		if rapid.Bool().Draw(t, "has id") {
			call.FrameworkId = &mesosproto.FrameworkID{Value: proto.String(text.Draw(t, "id"))}
		}
		force := false
		if rapid.Bool().Draw(t, "has subscribe") {
			force = rapid.Bool().Draw(t, "force")
			call.Subscribe = &schedulerpb.Call_Subscribe{
				FrameworkInfo: &mesosproto.FrameworkInfo{
					User: proto.String(text.Draw(t, "user")), Name: proto.String(text.Draw(t, "name")),
				},
				SuppressedRoles: rapid.SliceOfN(text, 0, 3).Draw(t, "suppressed"),
			}
			if rapid.Bool().Draw(t, "has constraints") {
				call.Subscribe.OfferConstraints = &schedulerpb.OfferConstraints{
					RoleConstraints: map[string]*schedulerpb.OfferConstraints_RoleConstraints{
						text.Draw(t, "role"): {},
					},
				}
			}
		}
		if rapid.Bool().Draw(t, "has revive") {
			call.Revive = &schedulerpb.Call_Revive{Roles: rapid.SliceOfN(text, 0, 3).Draw(t, "revived")}
		}

		v0, err := evolve.MarshalCall(call, force)
		require.NoError(t, err)
		again, forced, err := evolve.UnmarshalCall(v0)
		require.NoError(t, err)
		require.Equal(t, force, forced)
		require.True(t, proto.Equal(call, again), "%v came back as %v", call, again)
	})
}

func FuzzUnmarshalCall(f *testing.F) {
	for _, body := range captured {
		b, err := base64.StdEncoding.DecodeString(body)
		require.NoError(f, err)
		f.Add(b)
	}
	f.Add([]byte{0x1b, 0x1b, 0x1c, 0x1c})
	f.Fuzz(func(t *testing.T, data []byte) {
		call, force, err := evolve.UnmarshalCall(data)
		if err != nil {
			return
		}
		v0, err := evolve.MarshalCall(call, force)
		require.NoError(t, err)
		again, forced, err := evolve.UnmarshalCall(v0)
		require.NoError(t, err)
		require.Equal(t, force && call.GetSubscribe() != nil, forced)
		a, err := proto.MarshalOptions{Deterministic: true}.Marshal(call)
		require.NoError(t, err)
		b, err := proto.MarshalOptions{Deterministic: true}.Marshal(again)
		require.NoError(t, err)
		require.Equal(t, a, b)
	})
}

func appendBytes(out []byte, num protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(out, num, protowire.BytesType), v)
}

func appendVarint(out []byte, num protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(out, num, protowire.VarintType), v)
}
