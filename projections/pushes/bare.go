package pushes

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/pushledger/pushledger/aggregates/push"
)

// Bare reads the rows of which the list of a seller's pushes is made, and does nothing with
// them: it is what Pushes is measured against. It returns how many there were.
func (q *Queries) Bare(ctx context.Context, seller string, status push.Status, limit int) (count int, err error) {
	err = q.Read(func(db *sql.DB) error {
		rows, err := db.QueryContext(ctx, `SELECT seq, state FROM pushes
			WHERE seller = $1 AND status = $2 ORDER BY offered_at DESC, push_id DESC LIMIT $3`, seller, string(status), limit)
		if err != nil {
			return err
		}
		defer rows.Close() //nolint:errcheck // rows.Err says all there is
		for ; rows.Next(); count++ {
			var sequence uint64
			var state []byte
			if err := rows.Scan(&sequence, &state); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	if err != nil {
		return 0, fmt.Errorf("pushes: bare list: %w", err)
	}
	return count, nil
}
