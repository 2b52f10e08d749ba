package pushes

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/pushledger/pushledger/aggregates/money"
)

// ours are the accounts of the journal that nobody else has a claim on: the provider's own, and
// the platform's.
const ours = "account LIKE 'alipay:%' OR account LIKE 'platform:%'"

// Obligations is the money that the ledger owes others by the journal: in escrow, payable to
// sellers, to be refunded, or in suspense. So much has to be at the payment provider.
func (q *Queries) Obligations(ctx context.Context) (money.Fen, error) {
	var owed int64
	err := q.ReadRow(ctx, "SELECT COALESCE(SUM(amount), 0) FROM balances WHERE amount <> 0 AND NOT ("+ours+")",
		func(row *sql.Row) error { return row.Scan(&owed) })
	if err != nil {
		return 0, fmt.Errorf("pushes: obligations: %w", err)
	}
	return money.Fen(owed), nil
}
