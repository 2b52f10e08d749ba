package alipay

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/smartwalle/alipay/v3"

	"github.com/pushledger/pushledger/aggregates/money"
)

type balanceAnswer struct {
	status
	Available string `json:"available_amount"`
}

// Balance asks for what the merchant's account has available. Not every contract lets an
// application ask: then it is *payment.Misconfigured or *payment.Refused.
func (p *Provider) Balance(ctx context.Context) (money.Fen, error) {
	question := alipay.BillBalanceQuery{}
	var said balanceAnswer
	if err := p.ask(ctx, question, &said); err != nil {
		return 0, err
	}
	available, err := balance(said.Available)
	if err != nil {
		return 0, unknown(question.APIName(), err)
	}
	return available, nil
}

// balance reads yuan with at most two decimals. It may be above what one amount may be.
func balance(text string) (money.Fen, error) {
	yuan, part, _ := strings.Cut(text, ".")
	whole, err := strconv.ParseInt(yuan, 10, 64)
	if err != nil || whole < 0 || whole > math.MaxInt64/1000 || len(part) > 2 {
		return 0, fmt.Errorf("a balance of %.40q", text)
	}
	fen, err := money.Parse("0." + part + strings.Repeat("0", 2-len(part)))
	if err != nil {
		return 0, errors.Join(fmt.Errorf("a balance of %.40q", text), err)
	}
	return money.Fen(whole)*100 + fen, nil
}
