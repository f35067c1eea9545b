package resources

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
)

// checkAlgebra does to r what its holders do.
func checkAlgebra(t *testing.T, r Resources) {
	requireCanonical(t, r)
	r = oneCopy(r) // messages don't count copies
	for _, m := range r.Proto() {
		require.NoError(t, Validate(m), "%s", r)
	}
	back, err := FromProto(r.Proto())
	require.NoError(t, err)
	requireSame(t, r, back)
	back, err = FromProto(r.ProtoEndpoint())
	require.NoError(t, err)
	requireSame(t, r, back)
	require.True(t, r.Sub(r).IsEmpty())
	require.True(t, r.Add(r).Contains(r))
	requireCanonical(t, r.Add(r))
	requireCanonical(t, r.ToUnreserved())
	requireCanonical(t, r.Allocate("role"))
	require.True(t, r.ContainsQuantities(r.Quantities()))
	r.Totals()
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"cpus:4;mem(prod):1024;ports:[31000-32000, 5-6];zones:{a, b}", "cpus:0x10", "p:[1-2,2-3]", "a(b:c)", "x:[18446744073709551615-18446744073709551615]",
		`[{"name":"cpus","type":"SCALAR","scalar":{"value":8},"role":"prod"}]`,
		`[{"name":"disk","type":"SCALAR","scalar":{"value":8},"reservations":[{"type":"STATIC","role":"a"},{"type":"DYNAMIC","role":"a/b","principal":"p"}],
		  "disk":{"persistence":{"id":"i"},"volume":{"container_path":"c","mode":"RW"},"source":{"type":"PATH","path":{"root":"/p"}}},"shared":{}}]`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if r, err := Parse(text); err == nil {
			checkAlgebra(t, r)
		}
		if r, names, err := ParseFlag(text, "role"); err == nil {
			requireCanonical(t, r)
			require.Subset(t, names, r.Names())
		}
		if q, err := ParseQuantities(text); err == nil {
			again, err := ParseQuantities(q.String())
			if err == nil { // odd names don't come back
				require.True(t, q.Contains(again))
			}
		}
		if list, err := ParseAttributes(text); err == nil {
			for _, a := range list {
				require.NotEmpty(t, a.GetName())
			}
		}
	})
}

func FuzzFromProto(f *testing.F) {
	for _, text := range []string{
		"cpus:4;mem(prod):1024;ports:[31000-32000];zones:{a, b}",
		`[{"name":"disk","type":"SCALAR","scalar":{"value":8},"reservations":[{"type":"DYNAMIC","role":"a","labels":{"labels":[{"key":"k"}]}}],
		  "disk":{"persistence":{"id":"i"},"volume":{"container_path":"c","mode":"RW"}},"allocation_info":{"role":"a"}}]`,
	} {
		r := MustParse(text)
		for _, list := range [][]*mesosproto.Resource{r.Proto(), r.ProtoEndpoint()} {
			data, err := proto.MarshalOptions{AllowPartial: true}.Marshal(&mesosproto.Offer{Resources: list})
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		offer := &mesosproto.Offer{}
		if (proto.UnmarshalOptions{AllowPartial: true}).Unmarshal(data, offer) != nil {
			return
		}
		before := proto.Clone(offer)
		r, err := FromProto(offer.Resources)
		require.True(t, proto.Equal(before, offer) || hasNaN(offer), "messages are not changed")
		require.Equal(t, err == nil, ValidateAll(offer.Resources) == nil)
		require.Equal(t, err == nil, UpgradeAll(offer) == nil)
		if err != nil {
			return
		}
		checkAlgebra(t, r)
		upgraded, err := FromProto(offer.Resources)
		require.NoError(t, err)
		requireSame(t, r, upgraded, "upgrading changes nothing")
		if DowngradeAll(offer) == nil {
			downgraded, err := FromProto(offer.Resources)
			require.NoError(t, err)
			requireSame(t, r, downgraded, "downgrading changes nothing")
		}
	})
}

// hasNaN: NaN is not equal to itself, nor are messages that hold one.
func hasNaN(offer *mesosproto.Offer) bool { return !proto.Equal(offer, proto.Clone(offer)) }

func FuzzConversions(f *testing.F) {
	for typ, op := range map[mesosproto.Offer_Operation_Type]*mesosproto.Offer_Operation{
		mesosproto.Offer_Operation_RESERVE:     {Reserve: &mesosproto.Offer_Operation_Reserve{Resources: New(reservedDisk()).Proto()}},
		mesosproto.Offer_Operation_UNRESERVE:   {Unreserve: &mesosproto.Offer_Operation_Unreserve{Resources: New(reservedDisk()).Proto()}},
		mesosproto.Offer_Operation_CREATE:      {Create: &mesosproto.Offer_Operation_Create{Volumes: New(volume("i", "p")).Proto()}},
		mesosproto.Offer_Operation_DESTROY:     {Destroy: &mesosproto.Offer_Operation_Destroy{Volumes: New(volume("i", "p").AsShared(1)).Proto()}},
		mesosproto.Offer_Operation_CREATE_DISK: {CreateDisk: &mesosproto.Offer_Operation_CreateDisk{Source: reservedDisk().Proto()}},
		mesosproto.Offer_Operation_GROW_VOLUME: {GrowVolume: &mesosproto.Offer_Operation_GrowVolume{
			Volume: volume("i", "p").Proto(), Addition: reservedDisk().Proto()}},
		mesosproto.Offer_Operation_SHRINK_VOLUME: {ShrinkVolume: &mesosproto.Offer_Operation_ShrinkVolume{
			Volume: volume("i", "p").Proto(), Subtract: Unit.Proto()}},
	} {
		op.Type = &typ
		data, err := proto.MarshalOptions{AllowPartial: true}.Marshal(op)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		op := &mesosproto.Offer_Operation{}
		if (proto.UnmarshalOptions{AllowPartial: true}).Unmarshal(data, op) != nil {
			return
		}
		consumed, err := Consumed(op)
		if err != nil {
			return
		}
		checkAlgebra(t, consumed)
		conversions, err := Conversions(op)
		if err != nil {
			return
		}
		result, err := consumed.Apply(conversions...)
		require.NoError(t, err)
		requireCanonical(t, result)
	})
}
