package bench

import (
	"context"
	"errors"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/pushledger/pushledger/aggregates/push"
)

// pgConnections is how many connections share all calls in flight: on two cores 20 to 64
// carry as much, and the fewer the less processor time the database takes for each.
const pgConnections = 32

const pgSchema = `
CREATE TABLE commands (id uuid PRIMARY KEY, hash bytea NOT NULL, push uuid NOT NULL);
CREATE TABLE pushes (
	id uuid PRIMARY KEY, seller text NOT NULL, buyer text NOT NULL, status text NOT NULL, total bigint NOT NULL, fee_rate bigint NOT NULL,
	offered_at timestamptz NOT NULL, checked_at timestamptz NOT NULL, expires_at timestamptz NOT NULL, remark text NOT NULL);
CREATE TABLE items (push uuid, place int, domain text NOT NULL, price bigint NOT NULL, PRIMARY KEY (push, place));
CREATE TABLE reservations (domain text PRIMARY KEY, push uuid NOT NULL);
CREATE TABLE outbox (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, subject text NOT NULL, body bytea NOT NULL)`

// pgOffer is the whole transaction as one statement, and so one round trip. A command that
// was carried out before changes nothing; a domain that is reserved makes it fail.
const pgOffer = `
WITH command AS (
	INSERT INTO commands (id, hash, push) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING RETURNING push),
pushed AS (
	INSERT INTO pushes (id, seller, buyer, status, total, fee_rate, offered_at, checked_at, expires_at, remark)
	SELECT push, $4, $5, 'Offered', $6, $7, $8, $9, $10, $11 FROM command RETURNING id),
listed AS (
	INSERT INTO items (push, place, domain, price)
	SELECT id, place, domain, price FROM pushed, unnest($12::text[], $13::bigint[]) WITH ORDINALITY AS given (domain, price, place)),
reserved AS (
	INSERT INTO reservations (domain, push) SELECT domain, id FROM pushed, unnest($12::text[]) AS given (domain))
INSERT INTO outbox (subject, body) SELECT $14, $15 FROM pushed`

const pgUniqueViolation = "23505"

// offerStore is the tables of offers.
type offerStore struct{ pool *pgxpool.Pool }

func openOfferStore(ctx context.Context, dir string) (*offerStore, error) {
	config, err := pgxpool.ParseConfig(pgAddress(dir))
	if err != nil {
		return nil, err
	}
	config.MaxConns, config.MinConns = pgConnections, pgConnections
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	if _, err := pool.Exec(ctx, pgSchema); err != nil {
		pool.Close()
		return nil, err
	}
	return &offerStore{pool: pool}, nil
}

// keep records an offer and returns the id of its push, or of the one that the same command
// made before.
func (s *offerStore) keep(ctx context.Context, command uuid.UUID, hash [32]byte, offered push.Offered) (string, error) {
	domains, prices := make([]string, len(offered.Items)), make([]int64, len(offered.Items))
	for i, item := range offered.Items {
		domains[i], prices[i] = string(item.Domain), int64(item.Price)
	}
	body, err := json.Marshal(offered)
	if err != nil {
		return "", err
	}
	id, err := uuid.Parse(offered.PushID)
	if err != nil {
		return "", err
	}
	done, err := s.pool.Exec(ctx, pgOffer, command, hash[:], id, offered.Seller, offered.Buyer, int64(offered.Total), int64(offered.FeeRate),
		offered.OfferedAt, offered.CheckedAt, offered.ExpiresAt, offered.Remark, domains, prices,
		"push.notice."+offered.Buyer+"."+offered.PushID+".Offered", body)
	var broken *pgconn.PgError
	switch {
	case errors.As(err, &broken) && broken.Code == pgUniqueViolation:
		return "", push.Refuse(push.CodeAlreadyOnSale, "")
	case err != nil:
		return "", err
	case done.RowsAffected() == 0:
		return s.before(ctx, command, hash)
	}
	return offered.PushID, nil
}

// before is what a command did that was carried out before.
func (s *offerStore) before(ctx context.Context, command uuid.UUID, hash [32]byte) (id string, err error) {
	err = s.pool.QueryRow(ctx, "SELECT push::text FROM commands WHERE id = $1 AND hash = $2", command, hash[:]).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", push.Refuse(push.CodeCommandIDReused, "")
	}
	return id, err
}
