// Package accounts is the read model of what the ledger's books say to one account: its
// statement, and the figures of each day.
//
// A statement tells what the ledger holds for an account: a buyer's money from its
// payment until the domains are delivered or it is refunded, a seller's from delivery
// until it is paid out. It is made of the lines of the journal, so over all accounts,
// together with the platform's fee, it adds up to what the payment provider keeps.
package accounts

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"time"

	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/projections"
	"github.com/pushledger/pushledger/projections/sqldb"
)

// version of the fold. It has to rise whenever fold or push.Postings change in what they
// give for events of the past.
const version = 3

//go:embed *.sql
var schema embed.FS

// Model is the read model, for projections.OpenServed.
func Model() projections.Model {
	return projections.Model{
		Name: "accounts", Version: version, Schema: schema,
		Tables: []string{"parties", "statement_lines", "days"}, Fold: fold,
	}
}

// parties are who trades in a push, and for how much.
type parties struct {
	seller, buyer string
	total         money.Fen
}

// folding is one transaction of the fold.
type folding struct {
	*sqldb.Tx
	parties map[string]parties // those that were met
	days    map[dayOf]figures  // to be added
	offers  []any              // values of the rows of parties
	lines   []any              // values of the rows of statement_lines
}

type dayOf struct{ account, day string }

func fold(ctx context.Context, tx *sqldb.Tx, events []eventstore.Recorded) error {
	f := folding{Tx: tx, parties: make(map[string]parties), days: make(map[dayOf]figures)}
	for _, recorded := range events {
		event, ours := recorded.Event.(push.Event)
		if !ours {
			continue
		}
		if err := f.add(ctx, recorded, event); err != nil {
			return fmt.Errorf("accounts: sequence %d: %w", recorded.Sequence, err)
		}
	}
	return f.finish(ctx)
}

func (f *folding) add(ctx context.Context, recorded eventstore.Recorded, event push.Event) error {
	id := recorded.Stream.Key
	if offered, is := event.(push.Offered); is {
		f.parties[id] = parties{offered.Seller, offered.Buyer, offered.Total}
		f.offers = append(f.offers, id, offered.Seller, offered.Buyer, int64(offered.Total), firstOf(offered.Items), len(offered.Items))
	}
	postings := push.Postings(id, event)
	counted := count(event)
	if len(postings) == 0 && counted == (figures{}) {
		return nil
	}
	trading, err := f.partiesOf(ctx, id)
	if err != nil {
		return err
	}
	if counted.completed > 0 {
		counted.turnover = trading.total
	}
	day := recorded.Time.UTC().Format(time.DateOnly)
	for _, account := range []string{"", trading.seller, trading.buyer} {
		f.days[dayOf{account, day}] = f.days[dayOf{account, day}].plus(counted)
	}
	f.post(recorded, trading, postings)
	return nil
}

func firstOf(items []push.Item) string {
	if len(items) == 0 {
		return ""
	}
	return string(items[0].Domain)
}

func (f *folding) partiesOf(ctx context.Context, id string) (parties, error) {
	if known, met := f.parties[id]; met {
		return known, nil
	}
	statement, err := f.Prepared(ctx, "SELECT seller, buyer, total FROM parties WHERE push_id = $1") //nolint:sqlclosecheck // it ends with the transaction
	if err != nil {
		return parties{}, err
	}
	var found parties
	err = statement.QueryRowContext(ctx, id).Scan(&found.seller, &found.buyer, &found.total)
	if errors.Is(err, sql.ErrNoRows) {
		return parties{}, fmt.Errorf("push %s was never offered", id)
	}
	if err != nil {
		return parties{}, err
	}
	f.parties[id] = found
	return found, nil
}

// post writes what the lines of the journal that an event makes mean for either party.
func (f *folding) post(recorded eventstore.Recorded, trading parties, postings []push.Posting) {
	var bought, sold, fee money.Fen
	for _, posting := range postings {
		switch seller := push.PayableAccount(trading.seller); {
		case posting.To == seller:
			sold += posting.Amount
		case posting.From == seller:
			sold -= posting.Amount
		case posting.To == push.FeeAccount:
			fee += posting.Amount
		}
		if holdsForBuyer(posting.To, trading) {
			bought += posting.Amount
		}
		if holdsForBuyer(posting.From, trading) {
			bought -= posting.Amount
		}
	}
	f.line(recorded, trading.seller, sold, fee)
	f.line(recorded, trading.buyer, bought, 0)
}

// holdsForBuyer reports whether an account of the journal holds the buyer's money. All
// that a push has do, the suspense accounts of its stray money among them, but those of
// the seller, the platform, the provider and whoever has paid by hand.
func holdsForBuyer(account string, trading parties) bool {
	return !push.Outside(account) && account != push.FeeAccount && account != push.PayableAccount(trading.seller)
}

func (f *folding) line(recorded eventstore.Recorded, account string, amount, fee money.Fen) {
	if amount != 0 {
		f.lines = append(f.lines, account, recorded.Time.UnixMicro(), recorded.Sequence, recorded.Stream.Key, recorded.Type, int64(amount), int64(fee))
	}
}
