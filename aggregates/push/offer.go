package push

import (
	"slices"
	"time"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/money"
)

// CheckItems reports every domain that stands in the items more than once and a
// number of domains out of bounds (rule B3). It needs no facts, so it comes first.
func CheckItems(items []Item) []Violation {
	switch {
	case len(items) == 0:
		return []Violation{Violate("B3", CodeBatchEmpty)}
	case len(items) > MaxItems:
		return []Violation{Violate("B3", CodeBatchTooLarge)}
	}
	var violations []Violation
	times := make(map[domainname.Name]int, len(items))
	for _, item := range items {
		name := item.Registration()
		if times[name]++; times[name] == 2 {
			violations = append(violations, violate("B3", CodeDuplicateDomain, item.Domain))
		}
	}
	return violations
}

// Registered returns the items with the names of their registrations, as the registrar's
// facts give them: one for each item, in their order (rule B6).
func Registered(items []Item, facts []DomainFacts) []Item {
	named := slices.Clone(items)
	for i, domain := range facts {
		if name := domain.Registration(); name != named[i].Domain {
			named[i].Canonical = name
		}
	}
	return named
}

// DecideOffer decides whether a push may be published. Every rule is checked for
// every domain, and the refusal names all that is broken (rules T2, T7–T11, P1–P8,
// B1, B3, L1, L2). state must be the push of that id; one that exists is push_exists.
func DecideOffer(state State, offer Offer, facts OfferFacts, now time.Time) ([]Event, error) {
	if state.Status != StatusNone {
		return nil, Refuse(CodePushExists, "")
	}
	violations := CheckItems(offer.Items)
	expires, reason, broken := validity(offer, now)
	violations = append(violations, broken...)
	total, broken := checkTotal(offer)
	violations = append(violations, broken...)
	violations = append(violations, checkPayout(total, offer.FeeRate, facts.payoutLimit())...)
	violations = append(violations, checkAccounts(offer, facts)...)
	for _, domain := range facts.Domains {
		violations = append(violations, checkEligibility(situation{
			facts: domain, seller: offer.Seller, now: now, heldBy: facts.HeldBy[domain.Registration()],
		})...)
	}
	if refusal := RefuseAll(violations); refusal != nil {
		return nil, refusal
	}
	return []Event{Offered{
		PushID: offer.PushID, Seller: offer.Seller, Buyer: offer.Buyer,
		Currency: "CNY", Items: offer.Items, Total: total, FeeRate: offer.FeeRate,
		OfferedAt: now, CheckedAt: facts.CheckedAt, ExpiresAt: expires, ExpiryReason: reason,
		Remark: offer.Remark,
	}}, nil
}

// validity finds the end of the offer (rules L1, L2).
func validity(offer Offer, now time.Time) (time.Time, ExpiryReason, []Violation) {
	latest := now.Add(MaxValidity)
	expires, reason := latest, ExpiryValidity
	switch {
	case offer.ValidFor != 0 && !offer.ExpiresAt.IsZero():
		return expires, reason, []Violation{Violate("L2", CodeInvalidValidity)}
	case offer.ValidFor != 0:
		expires, reason = now.Add(offer.ValidFor), ExpirySellerDeadline
	case !offer.ExpiresAt.IsZero():
		expires, reason = offer.ExpiresAt, ExpirySellerDeadline
	}
	switch {
	case !expires.After(now):
		return expires, reason, []Violation{Violate("L2", CodeInvalidValidity)}
	case expires.After(latest):
		return expires, reason, []Violation{Violate("L2", CodeValidityTooLong)}
	case expires.Equal(latest):
		reason = ExpiryValidity
	}
	return expires, reason, nil
}

// checkTotal sums the lines and holds them against what can be paid in and out
// (rules T8, T11).
func checkTotal(offer Offer) (money.Fen, []Violation) {
	total := money.Fen(0)
	for _, item := range offer.Items {
		sum, err := money.Sum(total, item.Price)
		if err != nil {
			return 0, []Violation{Violate("T11", CodeAbovePayment)}
		}
		total = sum
	}
	if total > 0 && total-offer.FeeRate.Of(total) < MinPayout {
		return total, []Violation{Violate("T11", CodeBelowPayoutMinimum)}
	}
	return total, nil
}

// checkPayout holds what the seller is to receive against the limit of one payout (rule T11):
// better refused now than after delivery.
func checkPayout(total money.Fen, fee money.Rate, limit money.Fen) []Violation {
	if limit > 0 && total-fee.Of(total) > limit {
		violation := Violate("T11", CodeAbovePayout)
		violation.Message += suffix(limit.String(), " (", ")")
		violation.MessageZH += suffix(limit.String(), "（", " 元）")
		return []Violation{violation}
	}
	return nil
}

// checkAccounts holds both parties against the rules T7 and T10.
func checkAccounts(offer Offer, facts OfferFacts) []Violation {
	violations := checkSeller(facts.Seller, facts.NeedsMerchant)
	if offer.Buyer == offer.Seller {
		violations = append(violations, Violate("T10", CodeBuyerIsSeller))
	} else if !facts.Buyer.Exists {
		violations = append(violations, Violate("T10", CodeBuyerUnknown))
	}
	return violations
}

// checkSeller holds the seller against rule T7.
func checkSeller(seller AccountFacts, needsMerchant bool) []Violation {
	var violations []Violation
	if !seller.Exists || !seller.RealNameVerified {
		violations = append(violations, Violate("T7", CodeSellerNotVerified))
	}
	if seller.AlipayAccount == "" {
		violations = append(violations, Violate("T7", CodeSellerNoAlipay))
	}
	if needsMerchant && seller.AlipayMerchantID == "" {
		violations = append(violations, Violate("T7", CodeSellerNoMerchant))
	}
	return violations
}
