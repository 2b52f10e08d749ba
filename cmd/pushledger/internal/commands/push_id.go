package commands

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"

	"github.com/google/uuid"

	"github.com/pushledger/pushledger/eventstore"
)

// ownPushID names a push whose offer has no id of its own: by the Command-Id, so that the same
// command always means the same push, and by a secret, so that nobody who knows the Command-Id
// can foresee the name and take it first.
func (h *Handler) ownPushID(ctx context.Context, command Command, metadata eventstore.Metadata) (string, error) {
	if id, found := h.idempotency.changed(ctx, metadata); found {
		return id, nil
	}
	before := unkeyedPushID(command)
	known, err := h.Ledger.Recent(ctx, before)
	if err != nil {
		return "", err
	}
	if _, made := known.Command(metadata.CommandID); made && known.State.Seller == command.Account {
		return before, nil
	}
	digest := hmac.New(sha256.New, h.PushIDKey)
	digest.Write(nameOf(command))
	id, err := uuid.FromBytes(digest.Sum(nil)[:16])
	if err != nil {
		return "", err
	}
	id[6], id[8] = id[6]&0x0f|0x80, id[8]&0x3f|0x80 // version 8: made in a way of our own
	return id.String(), nil
}

// unkeyedPushID is how such pushes were named at first; commands of that time are found by it.
func unkeyedPushID(command Command) string {
	return uuid.NewSHA1(uuid.NameSpaceOID, nameOf(command)).String()
}

func nameOf(command Command) []byte { return []byte("push\n" + command.Account + "\n" + command.ID) }
