package main

// mutant is a bug planted into the saga: a text that stands in a file once, and what
// stands there instead.
type mutant struct {
	name       string
	file       string // from the module's root
	old, wrong string
}

var mutants = []mutant{
	{
		"credits the buyer with what a person has paid", "aggregates/push/share.go",
		"		strings.HasPrefix(account, suspensePrefix)\n",
		"		strings.HasPrefix(account, suspensePrefix) || account == ByHandAccount\n",
	},
	{
		"refunds before the domains are back", "aggregates/push/delivery.go",
		"		default:\n			return false\n		}\n	}\n	return true\n}",
		"		default:\n			return true\n		}\n	}\n	return true\n}",
	},
	{
		"brings only the first domain back", "aggregates/push/delivery.go",
		"		case DeliveryReturned, DeliveryKept, DeliveryGone:\n",
		"		case DeliveryReturned, DeliveryKept, DeliveryGone:\n			return true\n",
	},
	{
		"pays out before every domain is moved", "aggregates/push/evolve.go",
		"return !slices.ContainsFunc(s.Lines, func(line Line) bool { return line.Delivery != DeliveryDelivered })",
		"return slices.ContainsFunc(s.Lines, func(line Line) bool { return line.Delivery == DeliveryDelivered })",
	},
	{
		"takes a new number for every try of a refund", "sagas/purchase/steps.go",
		"	err := s.Provider.Refund(ctx, request)\n",
		"	request.RequestNo += s.Now().Format(\"150405.000\")\n	err := s.Provider.Refund(ctx, request)\n",
	},
	{
		"takes a new number for every try of a payout", "sagas/purchase/steps.go",
		"	case push.PayoutSend:\n",
		"	case push.PayoutSend:\n		order.PayoutNo += s.Now().Format(\"150405.000\")\n",
	},
	{
		"takes a time-out of a refund for a refusal", "sagas/purchase/steps.go",
		"	err := s.Provider.Refund(ctx, request)\n",
		"	err := s.Provider.Refund(ctx, request)\n	if err != nil {\n		err = &payment.Refused{Code: \"timeout\"}\n	}\n",
	},
	{
		"takes a time-out of a move for a refusal", "sagas/purchase/moves.go",
		"		// It may have been done all the same: asking is cheaper than waiting.\n",
		"		return &push.MoveOutcome{Domain: name, Code: \"timeout\", Cause: push.CauseMove}, nil\n",
	},
	{
		"takes a time-out of a payout for a success", "sagas/purchase/steps.go",
		"	case err != nil:\n		return time.Time{}, err\n	}\n	return s.paidOut(ctx, state.ID, order.PayoutNo, providerNo)\n",
		"	}\n	return s.paidOut(ctx, state.ID, order.PayoutNo, providerNo)\n",
	},
	{
		"takes a new payout number without a FAIL", "aggregates/push/settlement.go",
		"	case payout.Failed && !same:\n",
		"	case !same && (payout.Failed || payout.Payee != \"\"):\n",
	},
	{
		"takes a payout that is put off for one that is refused", "sagas/purchase/steps.go",
		"	case errors.As(err, &refused):\n		refusal := push.PayoutRefusal{",
		"	case errors.As(err, new(*payment.Postponed)):\n		return s.payoutSent(ctx, state, order, \"\", &payment.Refused{Code: \"later\"})\n	case errors.As(err, &refused):\n		refusal := push.PayoutRefusal{",
	},
	{
		"ignores money that comes after the end", "aggregates/push/payment.go",
		"		return []Event{strayReceived(state, receipt, StrayLate, now)}\n	case receipt",
		"		return nil\n	case receipt",
	},
	{
		"takes the same payment for money that came twice", "aggregates/push/payment.go",
		"own && state.Payment.Paid || ",
		"",
	},
	{
		"accepts any amount", "aggregates/push/payment.go",
		"case receipt.Amount != state.Total:",
		"case receipt.Amount > MaxItems*state.Total:",
	},
	{
		"accepts a credit channel", "aggregates/push/payment.go",
		"	case FundingCredit:\n",
		"	case FundingCredit:\n		return paidBy(state, receipt, now)\n	case FundingUntold + 1:\n",
	},
	{
		"takes an unknown channel", "aggregates/push/payment.go",
		"	case FundingUnknown:\n",
		"	case FundingUnknown:\n		return paidBy(state, receipt, now)\n	case FundingUntold + 1:\n",
	},
	{
		"takes a payment without sources", "aggregates/push/payment.go",
		"	case untold && !receipt.Insisted:\n		return nil\n",
		"	case untold:\n		return paidBy(state, receipt, now)\n",
	},
	{
		"pays the seller what the merchant has given", "aggregates/push/payment.go",
		"return r.Received > 0 && r.Received < r.Amount",
		"return r.Received > r.Amount",
	},
	{
		"lets the window end what is paid from who knows where", "sagas/purchase/steps.go",
		"		if over {\n			return known.pace.wait",
		"		if over && trade.State == payment.TradeWaiting {\n			return known.pace.wait",
	},
	{
		"forgets to close the trade", "aggregates/push/next.go",
		"	case owesClose(state):\n",
		"	case owesClose(state) && state.Payment.Closed:\n",
	},
	{
		"holds a trade that the provider does not know for closed", "sagas/purchase/steps.go",
		"!s.surelyAfter(over)", "over.IsZero()",
	},
	{
		"believes that an opened page has made a trade", "sagas/purchase/steps.go",
		"	case errors.Is(err, payment.ErrTradeNotFound):\n		if over",
		"	case errors.Is(err, payment.ErrTradeNotFound) && state.Payment.Opened:\n		return time.Time{}, err\n" +
			"	case errors.Is(err, payment.ErrTradeNotFound):\n		if over",
	},
	{
		"believes that a page that was opened was a trade, and that is gone", "sagas/purchase/steps.go",
		"!s.surelyAfter(over)", "!state.Payment.Opened && !s.surelyAfter(over)",
	},
	{
		"leaves no time after the payment window", "sagas/purchase/steps.go",
		"over := state.Payment.PayBy.Add(s.CloseGrace);", "over := state.Payment.PayBy;",
	},
	{
		"closes by its own clock alone", "sagas/purchase/steps.go",
		"return s.Provider.Clock().After(at) && s.Now().After(at)", "return s.Now().After(at)",
	},
	{
		"expires without asking the provider", "sagas/purchase/steps.go",
		"	over := state.ExpiredBy(s.Now())\n",
		"	over := state.ExpiredBy(s.Now())\n	if over {\n		return s.record(ctx, state.ID, func(state push.State) []push.Event { return push.DecideUnpaid(state, s.Now()) })\n	}\n",
	},
	{
		"releases no domain", "sagas/ledger/ledger.go",
		"if !loaded.State.Status.Live() || after.Status.Live() {",
		"if loaded.Last > 0 || after.Status.Live() {",
	},
	{
		"ignores the registrar after payment", "aggregates/push/invalidation.go",
		"	case !trigger || !held || stale(report.At, state.CheckedAt):\n",
		"	case !trigger || !held || state.Status == StatusPaid || stale(report.At, state.CheckedAt):\n",
	},
	{
		"takes a move that is not known for one that never comes", "sagas/purchase/moves.go",
		"	if err == nil && there.State == registrar.MoveUnknown {\n",
		"	if err == nil && there.State == registrar.MoveUnknown {\n		return s.placeOf(ctx, state, name, push.PlaceKept)\n	}\n	if err == nil && there.State == registrar.MoveUnknown {\n",
	},
	{
		"forgets stray money when the push completes", "sagas/purchase/saga.go",
		"	if _, held := s.held[id]; held || s.strayed[id] {\n",
		"	if _, held := s.held[id]; held {\n",
	},
	{
		"refunds though the buyer has put a domain out of reach", "aggregates/push/delivery.go",
		"case outcome.Place.Gone() && !outcome.ByHand",
		"case outcome.Place.Gone() && outcome.ByHand",
	},
	{
		"goes on though the buyer has acted", "aggregates/push/next.go",
		"	case state.stopped(): // a person decides\n",
		"",
	},
	{
		"forgets to release", "aggregates/push/hold.go",
		"	return !state.Status.Live() && (state.Hold == HoldOrdered || state.Hold == HoldPlaced)\n",
		"	return !state.Status.Live() && state.Hold == HoldOrdered\n",
	},
	{
		"forgets to release what was only ordered", "aggregates/push/hold.go",
		"	return !state.Status.Live() && (state.Hold == HoldOrdered || state.Hold == HoldPlaced)\n",
		"	return !state.Status.Live() && state.Hold == HoldPlaced\n",
	},
	{
		"releases as soon as all is delivered", "aggregates/push/hold.go",
		"	return !state.Status.Live() && (state",
		"	return (!state.Status.Live() || state.Delivery == StageDelivered) && (state",
	},
	{
		"holds after the first move", "sagas/purchase/moves.go",
		"	if state.Hold == push.HoldOrdered {\n",
		"	if state.Hold == push.HoldOrdered && len(state.At(push.DeliveryDelivered)) > 0 {\n",
	},
	{
		"takes the echo of a change of registrant for a trigger", "aggregates/push/invalidation.go",
		"CodeRegistrantChanged, byHolder: true, echo: true}",
		"CodeRegistrantChanged, byHolder: true}",
	},
	{
		"takes the late echo of an earlier push for a trigger", "aggregates/push/invalidation.go",
		"	return report.Earlier || open",
		"	return open",
	},
	{
		"leaves the transfer password good after a return", "sagas/purchase/moves.go",
		"From: state.Buyer, To: state.Seller, VoidAuthCode: true,\n		Undoes",
		"From: state.Buyer, To: state.Seller,\n		Undoes",
	},
	{
		"leaves the seller's transfer password good after the sale", "sagas/purchase/moves.go",
		"Registrant: state.Registrant, VoidAuthCode: true,",
		"Registrant: state.Registrant,",
	},
	{
		"pays the seller of a kept trade by a transfer", "sagas/purchase/steps.go",
		"Merchant: state.Payment.Merchant, TradeNo",
		"TradeNo",
	},
	{
		"takes a refused fee for a refused payout", "sagas/purchase/steps.go",
		"			if refused.FeeOnly {\n",
		"			if refused.FeeOnly && refused.API == \"\" {\n",
	},
	{
		"books a confirmed trade without its fee", "aggregates/push/settlement.go",
		"		paid.Fee = state.Payout.Fee\n",
		"		paid.Fee = 0\n",
	},
	{
		"takes money that is kept for a seller for the platform's", "aggregates/push/confirmation.go",
		"	if s.Payment.Merchant == \"\" {\n",
		"	if s.Payment.TradeNo != \"\" {\n",
	},
	{
		"takes a new number for every try of a fee", "sagas/purchase/steps.go",
		"FeeNo: push.FeeNo(state.ID),",
		`FeeNo: push.FeeNo(state.ID + s.Now().Format("150405.000")),`,
	},
}
