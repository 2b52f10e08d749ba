package ledger

import (
	"context"
	"fmt"
	"slices"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/listing"
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

// PushesOf returns the pushes that have reserved a domain, each once, newest first and at
// most so many.
func (l *Ledger) PushesOf(ctx context.Context, name domainname.Name, most int) ([]string, error) {
	history, err := l.store.Load(ctx, DomainStream(name))
	if err != nil {
		return nil, fmt.Errorf("ledger: load domain %s: %w", name, err)
	}
	var pushes []string
	for _, recorded := range slices.Backward(history) {
		if reserved, is := recorded.Event.(listing.Reserved); is && len(pushes) < most {
			pushes = append(pushes, reserved.PushID)
		}
	}
	return pushes, nil
}
