package httpapi

import (
	"bytes"
	"context"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"

	"github.com/pushledger/pushledger/projections/accounts"
	"github.com/pushledger/pushledger/projections/pushes"
)

const csvType = "text/csv"

type statementInput struct {
	Freshness
	Account string `path:"id" maxLength:"64"`
	From    string `query:"from" doc:"First instant (RFC 3339)." maxLength:"40"`
	To      string `query:"to" doc:"First instant after (RFC 3339)." maxLength:"40"`
	Format  string `query:"format" doc:"For those who cannot send Accept: text/csv." enum:"json,csv"`
	Accept  string `header:"Accept" doc:"application/json or text/csv"`
}

type statementOutput struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

// addStatement adds the one answer that comes in two forms.
func (s *server) addStatement() {
	described := operation(s, http.MethodGet, "get-statement", "/v1/accounts/{id}/statement", "What the ledger holds for an account")
	schema := s.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[accounts.Statement](), true, "Statement")
	described.Responses = map[string]*huma.Response{"200": {
		Description: "The statement; it is no invoice",
		Content: map[string]*huma.MediaType{
			"application/json": {Schema: schema}, csvType: {Schema: &huma.Schema{Type: huma.TypeString}},
		},
	}}
	answer(s, s.Accounts.Served, described,
		func(ctx context.Context, viewer pushes.Viewer, in statementInput) (*statementOutput, error) {
			statement, err := s.Accounts.Statement(ctx, viewer, accounts.StatementRequest{Account: in.Account, From: in.From, To: in.To})
			if err != nil {
				return nil, err
			}
			if in.Format == "csv" || in.Format == "" && prefersCSV(in.Accept) {
				return csvStatement(statement)
			}
			body, err := json.Marshal(statement, json.Deterministic(true))
			return &statementOutput{ContentType: "application/json", Body: body}, err
		})
}

func prefersCSV(accept string) bool {
	accept = strings.ToLower(accept)
	return strings.Contains(accept, csvType) && !strings.Contains(accept, "application/json")
}

func csvStatement(statement accounts.Statement) (*statementOutput, error) {
	var body bytes.Buffer
	err := statement.WriteCSV(&body)
	return &statementOutput{
		ContentType: csvType + "; charset=utf-8", Disposition: `attachment; filename="statement-` + statement.Account + `.csv"`, Body: body.Bytes(),
	}, err
}
