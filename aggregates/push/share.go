package push

import (
	"strings"

	"github.com/pushledger/pushledger/aggregates/money"
)

// Share is by how much postings of one push change what the ledger holds for its parties,
// as their statements tell it.
type Share struct {
	Buyer, Seller money.Fen
	Fee           money.Fen // the platform's part of a settled push, in neither
}

// ShareOf reads postings. Only the accounts that are known to hold a party's money count:
// what the platform earns, has paid by hand or keeps at the provider is no party's.
func ShareOf(postings []Posting) Share {
	var share Share
	for _, posting := range postings {
		switch {
		case posting.To == FeeAccount:
			share.Fee += posting.Amount
		case holdsForSeller(posting.To):
			share.Seller += posting.Amount
		case holdsForBuyer(posting.To):
			share.Buyer += posting.Amount
		}
		switch {
		case holdsForSeller(posting.From):
			share.Seller -= posting.Amount
		case holdsForBuyer(posting.From):
			share.Buyer -= posting.Amount
		}
	}
	return share
}

func holdsForSeller(account string) bool {
	return strings.HasPrefix(account, payablePrefix) && strings.HasSuffix(account, payableSuffix)
}

// holdsForBuyer: money in escrow is the buyer's until the push is settled, and so is what
// paid nothing.
func holdsForBuyer(account string) bool {
	return strings.HasPrefix(account, escrowPrefix) && strings.HasSuffix(account, escrowSuffix) ||
		strings.HasPrefix(account, refundDuePrefix) && strings.HasSuffix(account, refundDueSuffix) ||
		strings.HasPrefix(account, suspensePrefix)
}
