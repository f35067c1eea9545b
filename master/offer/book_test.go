package offer_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/mesokit/mesokit/master/offer"
	"github.com/mesokit/mesokit/mesosproto"
)

func ids(list ...string) (out []*mesosproto.OfferID) {
	for _, id := range list {
		out = append(out, &mesosproto.OfferID{Value: proto.String(id)})
	}
	return out
}

func book() *offer.Book {
	b := &offer.Book{}
	for _, o := range []*offer.Offer{
		{ID: "O0", FrameworkID: "f", AgentID: "a1", Role: "r"},
		{ID: "O1", FrameworkID: "f", AgentID: "a1", Role: "r"},
		{ID: "O2", FrameworkID: "f", AgentID: "a2", Role: "r"},
		{ID: "O3", FrameworkID: "f", AgentID: "a1", Role: "s"},
		{ID: "O4", FrameworkID: "g", AgentID: "a1", Role: "r"},
		{ID: "O5", FrameworkID: "f", AgentID: "a1", Inverse: true},
	} {
		b.Add(o)
	}
	return b
}

func names(list []*offer.Offer) (out []string) {
	for _, o := range list {
		out = append(out, o.ID)
	}
	return out
}

// Scheduler API, Call ACCEPT: the first broken rule is told.
func TestOffersAcceptedTogetherMustFit(t *testing.T) {
	for _, c := range []struct {
		accept []*mesosproto.OfferID
		want   string
	}{
		{nil, "No offers specified"},
		{ids("O0"), ""},
		{ids("O0", "O1"), ""},
		{ids("O0", "O0"), "Duplicate offer O0 in offer list"},
		{ids("none", "none"), "Duplicate offer none in offer list"},
		{ids("O0", "none"), "Offer none is no longer valid"},
		{ids("O5"), "Offer O5 is no longer valid"},
		{ids("O4"), "Offer O4 has invalid framework g while framework f is expected"},
		{ids("O0", "O3"), "Aggregated offers must be allocated to the same role. Offer O3 uses role 's but another is using role 'r"},
		{ids("O0", "O2"), "Aggregated offers must belong to one single agent. Offer O2 uses agent a2 and agent a1"},
	} {
		offers, err := book().Check("f", c.accept)
		if c.want != "" {
			require.EqualError(t, err, c.want, "%v", c.accept)
			continue
		}
		require.NoError(t, err)
		require.Len(t, offers, len(c.accept))
	}
}

func TestListsAreInTheOrderOfTheOffers(t *testing.T) {
	b := book()
	require.Equal(t, []string{"O0", "O1", "O2", "O3"}, names(b.OfFramework("f")))
	require.Equal(t, []string{"O0", "O1", "O3", "O4"}, names(b.OfAgent("a1")))
	require.Equal(t, []string{"O5"}, names(b.InverseOfFramework("f")))
	require.Equal(t, []string{"O5"}, names(b.InverseOfAgent("a1")))
	require.Equal(t, 5, b.Len(), "inverse offers don't count")
	require.NotNil(t, b.GetInverse("O5"))
	require.Nil(t, b.Get("O5"))
	require.Nil(t, b.GetInverse("O0"))
}

func TestAnOfferIsRemovedOnce(t *testing.T) {
	b := book()
	o := b.Get("O1")
	require.True(t, b.Remove(o))
	require.False(t, b.Remove(o))
	require.Nil(t, b.Get("O1"))
	require.Equal(t, []string{"O0", "O2", "O3"}, names(b.OfFramework("f")))
	require.True(t, b.Remove(b.GetInverse("O5")))
	require.Empty(t, b.InverseOfAgent("a1"))
	require.Equal(t, 4, b.Len())
}

// Whatever is added and removed, the lists and the counts agree with a plain list.
func TestBookAgreesWithAPlainList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := &offer.Book{}
		var model []*offer.Offer
		n := 0
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				o := &offer.Offer{
					ID:          rapid.StringMatching("[a-z]{3}").Draw(t, "id") + string(rune('0'+n%10)) + string(rune('0'+n/10%10)),
					FrameworkID: rapid.SampledFrom([]string{"f", "g"}).Draw(t, "framework"),
					AgentID:     rapid.SampledFrom([]string{"a", "b"}).Draw(t, "agent"),
					Inverse:     rapid.Bool().Draw(t, "inverse"),
				}
				n++
				for _, x := range model {
					if x.ID == o.ID {
						return
					}
				}
				b.Add(o)
				model = append(model, o)
			},
			"remove": func(t *rapid.T) {
				if len(model) == 0 {
					return
				}
				i := rapid.IntRange(0, len(model)-1).Draw(t, "which")
				require.True(t, b.Remove(model[i]))
				model = append(model[:i:i], model[i+1:]...)
			},
			"": func(t *rapid.T) {
				count := 0
				want := map[string][]string{}
				for _, o := range model {
					if o.Inverse {
						want["inverse "+o.FrameworkID] = append(want["inverse "+o.FrameworkID], o.ID)
						continue
					}
					count++
					want["agent "+o.AgentID] = append(want["agent "+o.AgentID], o.ID)
					want["framework "+o.FrameworkID] = append(want["framework "+o.FrameworkID], o.ID)
				}
				require.Equal(t, count, b.Len())
				for _, f := range []string{"f", "g"} {
					require.Equal(t, want["framework "+f], names(b.OfFramework(f)))
					require.Equal(t, want["inverse "+f], names(b.InverseOfFramework(f)))
				}
				for _, a := range []string{"a", "b"} {
					require.Equal(t, want["agent "+a], names(b.OfAgent(a)))
				}
			},
		})
	})
}
