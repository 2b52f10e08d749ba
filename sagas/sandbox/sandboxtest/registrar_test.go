package sandboxtest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/sagas/registrar"
	"github.com/pushledger/pushledger/sagas/sandbox/sandboxtest"
)

func TestActsAndHoldsAreDriven(t *testing.T) {
	p := sandboxtest.Start(t, sandboxtest.Config{
		Inventory: `{"domains":[{"domain":"a.com","account":"ann"},{"domain":"b.com","account":"ann"}]}`, Timeout: time.Minute,
	})
	hold := func(name domainname.Name, held bool) registrar.HoldState {
		result, err := p.Registrar.Hold(t.Context(), registrar.Hold{OperationID: "hold-" + string(name), Domain: name, Held: held})
		require.NoError(t, err)
		return result.State
	}
	password := fmt.Sprintf(`"auth_code":%q`, p.Act(t, "ann", "auth_code", "a.com", `"silent":true`).AuthCode)
	p.HoldFault(t, "pending", 1, "a.com")
	p.NeverHold(t, "b.com")
	require.Equal(t, registrar.HoldPending, hold("a.com", true))
	require.Equal(t, registrar.HoldDone, hold("a.com", true))
	require.Equal(t, registrar.HoldUnsupported, hold("b.com", true))
	require.True(t, p.Held(t, "a.com"))
	require.False(t, p.Held(t, "b.com"))
	require.Equal(t, "held", p.ActRefused(t, "ann", "move", "a.com", `"to":"bob"`))
	require.Equal(t, "held", p.ActRefused(t, "", "transfer_out", "a.com", password))
	require.Equal(t, registrar.HoldDone, hold("a.com", false))
	require.NotEmpty(t, p.Act(t, "", "transfer_out", "a.com", password).EventID)
	require.Equal(t, "auth_code_invalid", p.ActRefused(t, "", "transfer_out", "a.com", password))
}
