package audit

import (
	"fmt"

	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
)

// checkStatements holds what the statements of a push's parties tell of postings against the
// journal. Whose money an account of the journal holds is told here by its whole name, so
// that no name that looks like another one can change a statement.
func checkStatements(id string, state push.State, postings []push.Posting) error {
	owner := map[string]string{
		push.ClearingAccount: "", push.FrozenAccount: "", push.FeeAccount: "", push.ByHandAccount: "",
		push.EscrowAccount(id): state.Buyer, push.RefundDueAccount(state.Buyer): state.Buyer,
		push.PayableAccount(state.Seller): state.Seller,
	}
	for _, stray := range state.Strays {
		owner[push.SuspenseAccount(stray.TradeNo)] = state.Buyer
	}
	held := make(map[string]money.Fen)
	for _, posting := range postings {
		for _, account := range []string{posting.From, posting.To} {
			if _, known := owner[account]; !known {
				return fmt.Errorf("account %q of the journal is none of push %s", account, id)
			}
		}
		held[owner[posting.From]] -= posting.Amount
		held[owner[posting.To]] += posting.Amount
	}
	told := push.ShareOf(postings)
	for account, amount := range map[string]money.Fen{state.Seller: told.Seller, state.Buyer: told.Buyer} {
		if amount != held[account] {
			return fmt.Errorf("the statement of %s tells of %s, the journal of %s", account, amount, held[account])
		}
	}
	return nil
}
