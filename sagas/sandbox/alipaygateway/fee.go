package alipaygateway

import "github.com/pushledger/pushledger/aggregates/money"

// feePerMille is what Alipay charges for a payment: 6 of 1,000, 0.6 percent.
const feePerMille = 6

// feeOf is what Alipay charges for a payment that was received, rounded to the nearest fen.
// Nothing is given back for a refund.
func feeOf(amount money.Fen) money.Fen { return (amount*feePerMille + 500) / 1000 }
