package projections

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/projections/sqldb"
)

// mark is how far a model has come and in which log. A sequence alone would not tell
// this log from another one.
type mark struct {
	version     int
	sequence    uint64
	fingerprint string
}

func loadMark(ctx context.Context, db *sqldb.DB, model string) (mark, error) {
	var found mark
	err := db.Reader().QueryRowContext(ctx, "SELECT version, seq, fingerprint FROM positions WHERE model = $1", model).
		Scan(&found.version, &found.sequence, &found.fingerprint)
	if errors.Is(err, sql.ErrNoRows) {
		return mark{}, nil
	}
	if err != nil {
		return mark{}, fmt.Errorf("projections: position of %s: %w", model, err)
	}
	return found, nil
}

func (m mark) save(ctx context.Context, tx *sqldb.Tx, model string) error {
	err := tx.Run(ctx, `INSERT INTO positions (model, version, seq, fingerprint) VALUES ($1, $2, $3, $4)
		ON CONFLICT (model) DO UPDATE SET version = excluded.version, seq = excluded.seq, fingerprint = excluded.fingerprint`,
		model, m.version, m.sequence, m.fingerprint)
	if err != nil {
		return fmt.Errorf("projections: position of %s: %w", model, err)
	}
	return nil
}

func fingerprint(event eventstore.Recorded) string {
	sum := sha256.Sum256([]byte(event.Stream.String() + "\n" + event.Type + "\n" + event.ID + "\n" + string(event.Body)))
	return hex.EncodeToString(sum[:])
}

var errSeen = errors.New("projections: the event has been seen")

// stands reports whether the event of the mark is in the log where it was.
func (m mark) stands(ctx context.Context, log eventstore.Store) (bool, error) {
	last, err := log.LastSequence(ctx)
	if err != nil || m.sequence > last {
		return false, err
	}
	same := true
	if m.sequence > 0 {
		err = log.Follow(ctx, m.sequence-1, func(event eventstore.Recorded) error {
			same = fingerprint(event) == m.fingerprint
			return errSeen
		}, nil)
		if !errors.Is(err, errSeen) {
			return false, err
		}
	}
	return same, nil
}
