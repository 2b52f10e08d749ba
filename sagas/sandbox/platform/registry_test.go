package platform_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/sagas/registrar"
)

// One registration by its names, which are 例.中国 and 例.中國.
const (
	simplified  domainname.Name = "xn--fsq.xn--fiqs8s"
	traditional domainname.Name = "xn--fsq.xn--fiqz9s"
)

const variants = `{"accounts":[{"account":"ann"},{"account":"bob"}],"domains":[
	{"domain":"a.com","account":"ann"},{"domain":"例.中国","account":"ann"},{"domain":"例.中國","canonical":"例.中国"}]}`

func TestVariantsSurviveRestart(t *testing.T) {
	dir := t.TempDir()
	s := run(t, dir, inventory(t, people))
	s.do(t, "registrar.set", `{"domain":"例.中國","canonical":"例.中国","account":"ann"}`)
	require.Equal(t, "ann", s.facts(t, simplified).Account, "the registration is made if it is not there")
	moved, err := s.Move(t.Context(), registrar.Move{OperationID: "op-1", Domain: traditional, From: "ann", To: "bob"})
	require.NoError(t, err)
	s.stop()
	for range 2 {
		s = run(t, dir, inventory(t, `{"domains":[{"domain":"例.中國","account":"bob"},{"domain":"a.com","canonical":"b.com","account":"bob"}]}`))
		facts := s.facts(t, traditional)
		require.Equal(t, simplified, facts.Canonical)
		require.Equal(t, moved.Revision, facts.Revision)
		require.Empty(t, s.facts(t, "a.com").Canonical, "the inventory changes nothing that is there")
		known, err := s.Operation(t.Context(), "op-1")
		require.NoError(t, err)
		require.Equal(t, moved, known)
		s.stop()
	}
}

func TestWhatHappensUnderOneNameIsToldUnderIt(t *testing.T) {
	s := run(t, t.TempDir(), inventory(t, variants))
	s.do(t, "registrar.fault", `{"domain":%q,"op":"move","mode":"pending","times":1}`, simplified)
	move := registrar.Move{OperationID: "op-1", Domain: traditional, From: "ann", To: "bob"}
	result, err := s.Move(t.Context(), move)
	require.NoError(t, err)
	require.Equal(t, registrar.MovePending, result.State, "a fault of either name is one of the registration")
	move.Domain = simplified
	result, err = s.Move(t.Context(), move)
	require.NoError(t, err)
	require.Equal(t, registrar.MoveDone, result.State)
	s.do(t, "registrar.event", `{"domain":"例.中國","kind":"blacklisted"}`)
	s.do(t, "registrar.act", `{"domain":"例.中国","account":"bob","act":"delete"}`)
	for i, name := range []domainname.Name{traditional, traditional, simplified} {
		require.Equal(t, name, s.events(t, 3)[i].Domain)
	}
	for _, name := range []domainname.Name{simplified, traditional} {
		require.Equal(t, []string{"blacklisted"}, s.facts(t, name).Restrictions)
		require.False(t, s.facts(t, name).Exists)
	}
}

func TestANameIsNotTakenFromItsRegistration(t *testing.T) {
	s := run(t, t.TempDir(), inventory(t, variants))
	_, err := s.Move(t.Context(), registrar.Move{OperationID: "op-1", Domain: "nobodys.com", From: "ann", To: "bob"})
	require.NoError(t, err)
	for _, body := range []string{
		`{"domain":"a.com","canonical":"例.中国"}`,                      // has a registration of its own
		`{"domain":"nobodys.com","canonical":"a.com"}`,               // has an order of its own
		`{"domain":"new.com","canonical":"例.中國","account":"ann"}`,    // a canonical of a canonical
		`{"domain":"例.中国","canonical":"new.com","account":"ann"}`,    // other names lead to it
		`{"domain":"例.中國","canonical":"a.com"}`,                      // is one of another
		`{"domain":"例.中國","canonical":"例.中國"}`,                       // is none of its own
		`{"domain":"a.com","canonical":"unheard.com","account":"x"}`, // nor is that one made then
	} {
		s.control(t, "registrar.set", body, "invalid_canonical")
	}
	require.Empty(t, s.facts(t, "a.com").Canonical)
	require.False(t, s.facts(t, "unheard.com").Exists)
	said := s.do(t, "registrar.set", `{"domain":"例.中國","canonical":"例.中国","sale":"auction"}`)
	require.Equal(t, said.Revision, s.facts(t, simplified).Revision)
	require.Equal(t, "auction", s.facts(t, simplified).Sale, "what is so already may be said again")
	s.do(t, "registrar.set", `{"domain":"例.中国","canonical":"例.中国","sale":"none"}`)
}

// Whoever links two names both ways at once, and moves them meanwhile, has one registration
// in the end, and no order is lost.
func TestNamesAreLinkedInARace(t *testing.T) {
	s := run(t, t.TempDir(), inventory(t, people))
	var calls sync.WaitGroup
	for i := range 20 {
		name, canonical := simplified, traditional
		if i%2 == 0 {
			name, canonical = canonical, name
		}
		calls.Go(func() {
			body := fmt.Appendf(nil, `{"domain":%q,"canonical":%q,"account":"ann"}`, name, canonical)
			if _, err := s.conn.Request("sandbox.registrar.set", body, patience); err != nil {
				t.Error(err)
			}
		})
		calls.Go(func() {
			hold := registrar.Hold{OperationID: fmt.Sprintf("hold-%d", i), Domain: name, Held: true}
			if _, err := s.Hold(t.Context(), hold); err != nil {
				t.Error(err)
			}
		})
	}
	calls.Wait()
	one, other := s.facts(t, simplified), s.facts(t, traditional)
	for i := range 20 {
		id := fmt.Sprintf("hold-%d", i)
		for _, name := range []domainname.Name{simplified, traditional} {
			_, err := s.Hold(t.Context(), registrar.Hold{OperationID: id, Domain: name})
			require.NoError(t, err)
		}
		late, err := s.Hold(t.Context(), registrar.Hold{OperationID: id, Domain: simplified, Held: true})
		require.NoError(t, err)
		require.Equal(t, registrar.HoldRefused, late.State)
	}
	if one.Canonical != "" || other.Canonical != "" {
		require.Equal(t, one.Registration(), other.Registration())
		require.Equal(t, one.Revision, other.Revision)
	}
	require.False(t, s.held(t, simplified))
	require.False(t, s.held(t, traditional))
}
