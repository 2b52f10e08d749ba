package httpapi_test

import (
	"context"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/httpapi/openapiclient"
	"github.com/pushledger/pushledger/projections/pushes/pushestest"
)

var update = flag.Bool("update", false, "write the golden description and the client that is generated from it anew")

const (
	goldenDescription = "openapi.json"
	clientPackage     = "openapiclient"
	generator         = "github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2"
)

// The client in openapiclient is made from this description, so it stands for the one a
// user would generate today.
func TestTheGeneratedClientIsOfTheDescriptionThatIsServed(t *testing.T) {
	served := ask(t, handler(pushestest.Start(t)), "", "/openapi.json").Body.Bytes()
	golden := filepath.Join(clientPackage, goldenDescription)
	if *update {
		require.NoError(t, os.WriteFile(golden, served, 0o644)) // #nosec G306 -- anybody may read it
		generate := exec.CommandContext(t.Context(), "go", "run", generator,
			"-generate", "types,client", "-package", clientPackage, "-o", filepath.Join(clientPackage, "client.go"), golden)
		said, err := generate.CombinedOutput()
		require.NoError(t, err, "%s", said)
	}
	written, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.JSONEq(t, string(written), string(served), "the description has changed: run this test with -update")
}

// dial gives a generated client of a ledger for the bearer of a token.
func dial(t *testing.T, ledger *pushestest.Fixture, token string) *openapiclient.ClientWithResponses {
	t.Helper()
	server := httptest.NewServer(handler(ledger))
	t.Cleanup(server.Close)
	client, err := openapiclient.NewClientWithResponses(server.URL, openapiclient.WithHTTPClient(server.Client()),
		openapiclient.WithRequestEditorFn(func(_ context.Context, request *http.Request) error {
			request.Header.Set("Authorization", "Bearer "+token)
			return nil
		}))
	require.NoError(t, err)
	return client
}

func TestAGeneratedClientReadsWhatAPartnerAsks(t *testing.T) {
	ledger := pushestest.Start(t)
	offered := pushestest.Offered("p-1", "anna", "bo", alpha)
	ledger.Show(t, "p-1", append([]push.Event{offered}, pushestest.Purchase(offered)...)...)
	ledger.Show(t, "p-2", pushestest.Offered("p-2", "anna", "bo", "beta.com"))
	client := dial(t, ledger, "trader anna")

	shown, err := client.GetPushWithResponse(t.Context(), "p-1", nil)
	require.NoError(t, err)
	require.NotNil(t, shown.JSON200, "%s", shown.Body)
	require.Equal(t, "Completed", shown.JSON200.Status)
	require.Equal(t, "100.00", shown.JSON200.Total)
	require.Equal(t, "alpha.com", shown.JSON200.Items[0].Domain)

	before := strconv.FormatInt(shown.JSON200.Seq-1, 10)
	earlier, err := client.GetPushWithResponse(t.Context(), "p-1", &openapiclient.GetPushParams{AsOf: &before})
	require.NoError(t, err)
	require.NotNil(t, earlier.JSON200, "%s", earlier.Body)
	require.Equal(t, shown.JSON200.Version-1, earlier.JSON200.Version)

	limit := int64(1)
	first, err := client.ListPushesWithResponse(t.Context(), &openapiclient.ListPushesParams{Limit: &limit})
	require.NoError(t, err)
	require.NotNil(t, first.JSON200, "%s", first.Body)
	second, err := client.ListPushesWithResponse(t.Context(), &openapiclient.ListPushesParams{Limit: &limit, Cursor: &first.JSON200.NextCursor})
	require.NoError(t, err)
	require.NotNil(t, second.JSON200, "%s", second.Body)
	require.ElementsMatch(t, []string{"p-1", "p-2"}, []string{first.JSON200.Pushes[0].PushId, second.JSON200.Pushes[0].PushId})

	timeline, err := client.GetTimelineWithResponse(t.Context(), "p-1", nil)
	require.NoError(t, err)
	require.NotNil(t, timeline.JSON200, "%s", timeline.Body)
	require.Equal(t, "Offered", timeline.JSON200.Events[0].Type)

	facts, err := client.GetFactsWithResponse(t.Context(), "p-2", nil)
	require.NoError(t, err)
	require.NotNil(t, facts.JSON200, "%s", facts.Body)
	require.True(t, facts.JSON200.Acceptable)
	require.Equal(t, "beta.com", facts.JSON200.Domains[0].Domain)
	require.Equal(t, []string{"clientTransferProhibited"}, *facts.JSON200.Domains[0].Locks)

	domain, err := client.GetDomainWithResponse(t.Context(), "beta.com", nil)
	require.NoError(t, err)
	require.NotNil(t, domain.JSON200, "%s", domain.Body)
	require.NotEmpty(t, domain.JSON200.History)

	statement, err := client.GetStatementWithResponse(t.Context(), "anna", nil)
	require.NoError(t, err)
	require.NotNil(t, statement.JSON200, "%s", statement.Body)
	require.Equal(t, "95.00", statement.JSON200.Lines[0].Amount)
}

func TestAGeneratedClientReadsWhatAnAuditorAsks(t *testing.T) {
	ledger := pushestest.Start(t)
	offered := pushestest.Offered("p-1", "anna", "bo", alpha)
	ledger.Show(t, "p-1", append([]push.Event{offered}, pushestest.Purchase(offered)...)...)
	paid := pushestest.Offered("p-2", "anna", "bo", "beta.com")
	ledger.Show(t, "p-2", append([]push.Event{paid}, pushestest.Payment(paid)...)...)
	client := dial(t, ledger, "auditor au")

	journal, err := client.ListJournalWithResponse(t.Context(), nil)
	require.NoError(t, err)
	require.NotNil(t, journal.JSON200, "%s", journal.Body)
	require.Equal(t, "100.00", journal.JSON200.Entries[0].Amount)

	balances, err := client.GetBalancesWithResponse(t.Context(), nil)
	require.NoError(t, err)
	require.NotNil(t, balances.JSON200, "%s", balances.Body)
	require.NotEmpty(t, balances.JSON200.Balances)

	purchases, err := client.ListPurchasesWithResponse(t.Context(), nil)
	require.NoError(t, err)
	require.NotNil(t, purchases.JSON200, "%s", purchases.Body)
	require.Equal(t, "p-2", purchases.JSON200.Purchases[0].PushId)

	statistics, err := client.GetDailyStatisticsWithResponse(t.Context(), nil)
	require.NoError(t, err)
	require.NotNil(t, statistics.JSON200, "%s", statistics.Body)
	require.Len(t, statistics.JSON200.Days, 1)

	models, err := client.ListProjectionsWithResponse(t.Context())
	require.NoError(t, err)
	require.NotNil(t, models.JSON200, "%s", models.Body)
	require.Len(t, models.JSON200.Projections, 2)
}

func TestAGeneratedClientTellsAStrangerInTheTypeOfAProblem(t *testing.T) {
	ledger := pushestest.Start(t)
	ledger.Show(t, "p-1", pushestest.Offered("p-1", "anna", "bo", alpha))

	answer, err := dial(t, ledger, "trader carl").GetPushWithResponse(t.Context(), "p-1", nil)

	require.NoError(t, err)
	require.Equal(t, http.StatusNotFound, answer.StatusCode())
	require.Nil(t, answer.JSON200)
	require.NotNil(t, answer.ApplicationproblemJSONDefault)
	require.Equal(t, push.CodePushNotFound, answer.ApplicationproblemJSONDefault.Code)
}
