package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/acceptance/acceptancetest"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/access"
	"github.com/pushledger/pushledger/projections/pushes/pushestest"
)

// A validator that knows nothing of this program accepts the description, and finds that
// the answers are as they are described.
func TestAGenericValidatorAcceptsTheDescriptionAndTheAnswers(t *testing.T) {
	ledger := pushestest.Start(t)
	offered := pushestest.Offered("p-1", "anna", "bo", alpha)
	ledger.Show(t, "p-1", append([]push.Event{offered}, pushestest.Purchase(offered)...)...)
	open := pushestest.Offered("p-2", "anna", "bo", "beta.com")
	ledger.Show(t, "p-2", append([]push.Event{open}, pushestest.Payment(open)...)...)
	ledger.Show(t, "p-3", pushestest.Offered("p-3", "anna", "bo", "gamma.com", "xn--fsqu00a.xn--fiqs8s"))
	platform := acceptancetest.New("anna")
	platform.Set(push.DomainFacts{Domain: "gamma.com"})
	door := handlerOn(ledger, platform)
	document, err := libopenapi.NewDocument(ask(t, door, "", "/openapi.json").Body.Bytes())
	require.NoError(t, err)
	checks, errs := validator.NewValidator(document)
	require.Empty(t, errs)
	valid, faults := checks.ValidateDocument()
	require.True(t, valid, "%+v", faults)

	for _, path := range []string{
		"/v1/pushes/p-1", "/v1/pushes/p-1?as_of=2", "/v1/pushes/nothing", "/v1/pushes?limit=1", "/v1/pushes?limit=0", "/v1/pushes/p-1/timeline",
		"/v1/pushes/p-1/facts", "/v1/pushes/p-2/facts", "/v1/pushes/p-3/facts", "/v1/pushes/nothing/facts", "/v1/domains/alpha.com", "/v1/accounts/bo/statement", "/v1/journal", "/v1/journal/balances", "/v1/bills", "/v1/purchases",
		"/v1/stats/daily", "/v1/projections",
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://ledger.example"+path, http.NoBody)
		require.NoError(t, err)
		for _, token := range []string{"operator op", "trader anna"} { // to whom less is told
			request.Header.Set("Authorization", "Bearer "+token)
			valid, faults := checks.ValidateHttpResponse(request, ask(t, door, token, path).Result())
			require.True(t, valid, "%s: %+v", path, faults)
		}
	}
}

// Whatever the description names is in the table of who may, and the other way round.
func TestTheTableOfPermissionsHasEveryPath(t *testing.T) {
	var described struct {
		Paths map[string]map[string]jsontext.Value `json:"paths"`
	}
	require.NoError(t, json.Unmarshal(ask(t, handler(pushestest.Start(t)), "", "/openapi.json").Body.Bytes(), &described))
	var served, listed []string
	for path, methods := range described.Paths {
		for method := range methods {
			served = append(served, strings.ToUpper(method)+" "+path)
		}
	}
	for _, row := range access.Table {
		if row.Way == access.HTTP && !row.Anybody {
			listed = append(listed, row.What)
		}
	}
	require.ElementsMatch(t, listed, served)
}
