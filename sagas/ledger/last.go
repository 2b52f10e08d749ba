package ledger

import (
	"context"

	"github.com/pushledger/pushledger/aggregates/domainname"
)

// LastPush returns the push that holds a domain or, if none does, the one that held it
// last; empty if there never was one.
func (l *Ledger) LastPush(ctx context.Context, name domainname.Name) (string, error) {
	places, err := l.places(ctx, []domainname.Name{name})
	if err != nil {
		return "", err
	}
	return places[name].lastHolder, nil
}
