package bench

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"
)

const (
	outboxTogether = 1000                  // rows in one transaction
	outboxRest     = 50 * time.Millisecond // as long as the service's read models rest
)

// outbox publishes the rows of the outbox and removes them, each at least once.
type outbox struct {
	pool  *pgxpool.Pool
	conn  *nats.Conn
	woken chan struct{}
	stop  context.CancelFunc
	ended chan struct{}
}

func startOutbox(pool *pgxpool.Pool, conn *nats.Conn) *outbox {
	ctx, stop := context.WithCancel(context.Background())
	o := &outbox{pool: pool, conn: conn, woken: make(chan struct{}, 1), stop: stop, ended: make(chan struct{})}
	go o.run(ctx)
	return o
}

// wake says that there are new rows.
func (o *outbox) wake() {
	select {
	case o.woken <- struct{}{}:
	default: // it has been said
	}
}

func (o *outbox) close() error {
	o.stop()
	<-o.ended
	return nil
}

func (o *outbox) run(ctx context.Context) {
	defer close(o.ended)
	for {
		select {
		case <-ctx.Done():
			return
		case <-o.woken:
		}
		for sent := outboxTogether; sent == outboxTogether; {
			var err error
			if sent, err = o.drain(ctx); err != nil && ctx.Err() == nil {
				slog.Error("the outbox is not published", "error", err)
				o.wake()
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(outboxRest):
		}
	}
}

// drain publishes the oldest rows. They are gone only if the server has them.
func (o *outbox) drain(ctx context.Context) (sent int, err error) {
	tx, err := o.pool.Begin(ctx)
	if err != nil {
		return 0, err
	}
	defer func() {
		if rolled := tx.Rollback(context.WithoutCancel(ctx)); !errors.Is(rolled, pgx.ErrTxClosed) {
			err = errors.Join(err, rolled)
		}
	}()
	rows, err := tx.Query(ctx, "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox ORDER BY id LIMIT $1) RETURNING subject, body", outboxTogether)
	if err != nil {
		return 0, err
	}
	var subject string
	var body []byte
	if _, err := pgx.ForEachRow(rows, []any{&subject, &body}, func() error {
		sent++
		return o.conn.Publish(subject, body)
	}); err != nil {
		return 0, err
	}
	if err := o.conn.FlushWithContext(ctx); err != nil {
		return 0, err
	}
	return sent, tx.Commit(ctx)
}
