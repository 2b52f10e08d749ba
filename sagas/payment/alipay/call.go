package alipay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	sdk "github.com/smartwalle/alipay/v3"

	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/sagas/payment"
)

// Sub-codes by which Alipay says no without having decided: it failed itself, is still
// busy with the request, or wants it later.
var undecided = []string{"SYSTEM_ERROR", "SYSTEM_BUSY", "REQUEST_PROCESSING", "MAX_VISIT_LIMIT", "RESOURCE_LIMIT_EXCEED"}

// call makes one call and reads its answer, whose status is a part of it. It returns
// *payment.Refused for a final no.
func (p *Provider) call(ctx context.Context, param sdk.Param, answer any, status *sdk.Error) error {
	if err := p.client.Request(ctx, param, answer); err != nil {
		return fmt.Errorf("alipay: %s: %w", param.APIName(), err)
	}
	switch {
	case status.Code == sdk.CodeSuccess:
		return nil
	case status.Code == sdk.CodeBusinessFailed && status.SubCode != "" && !isUndecided(status.SubCode):
		return &payment.Refused{API: param.APIName(), Code: status.SubCode, Message: status.SubMsg}
	default:
		return fmt.Errorf("alipay: %s is undecided: code %.20q, %.80q: %.200q", param.APIName(), status.Code, status.SubCode, status.SubMsg)
	}
}

func isUndecided(subCode string) bool {
	return strings.HasPrefix(subCode, "isp.") || slices.ContainsFunc(undecided, func(end string) bool {
		return strings.HasSuffix(strings.ToUpper(subCode), end)
	})
}

// refusedWith reports whether the error is Alipay's final no with this sub-code.
func refusedWith(err error, subCode string) bool {
	var refused *payment.Refused
	return errors.As(err, &refused) && refused.Code == subCode
}

// same keeps a signed answer to another question from being taken for ours.
func same(what, got, want string) error {
	if got != want {
		return fmt.Errorf("alipay: the answer is about %s %.80q instead of %q", what, got, want)
	}
	return nil
}

func positive(text string) (money.Fen, error) {
	amount, err := money.Parse(text)
	if err == nil && amount == 0 {
		err = errors.New("it is zero")
	}
	if err != nil {
		return 0, fmt.Errorf("alipay: amount: %w", err)
	}
	return amount, nil
}

func (p *Provider) time(text string) (time.Time, error) {
	at, err := time.ParseInLocation(timeLayout, text, p.zone)
	if err != nil {
		return time.Time{}, fmt.Errorf("alipay: time: %w", err)
	}
	return at.UTC(), nil
}
