package words_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/catalog"
	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/aggregates/words"
)

// What is not Chinese in a Chinese sentence: "push", names and accounts, and what partners
// said, as it came (rule T5).
var (
	partners = regexp.MustCompile(`返回码 [^）。]*`)
	allowed  = regexp.MustCompile(`带价 push|push|[a-z0-9.-]+\.[a-z0-9-]+|` + seller + `|` + buyer + `|“[^”]*”`)
	latin    = regexp.MustCompile(`[A-Za-z_]{2,}`)
)

func TestChineseSentencesAreChinese(t *testing.T) {
	each(t, func(t *testing.T, _ *history, line line) {
		rest := allowed.ReplaceAllString(partners.ReplaceAllString(line.ZH, ""), "")
		require.Empty(t, latin.FindAllString(rest, -1), line.ZH)
		require.NotContains(t, line.ZH, "作废")
		require.NotContains(t, line.EN+line.ZH, "  ")
		require.NotRegexp(t, ` [，。；：）”]|[，。；：（“] |^ | $`, line.ZH)
		require.NotRegexp(t, `(^ )| $| [.,;:]|\{`, line.EN)
		require.NotContains(t, line.ZH, "{")
		require.True(t, strings.HasSuffix(line.ZH, "。") && strings.HasSuffix(line.EN, "."), line.EN+line.ZH)
		require.NotContains(t, line.ZH, "。。")
	})
}

func TestT8WhereThereIsNothingToPayNoMoneyIsSpokenOf(t *testing.T) {
	each(t, func(t *testing.T, history *history, line line) {
		if history.state.Total > 0 {
			return
		}
		for _, word := range []string{"支付", "保管", "托管", "退款", "退还", "打款", "款项"} {
			require.NotContains(t, line.ZH, word)
		}
		require.NotRegexp(t, `\bpaid\b|escrow|refund|payment|money`, line.EN)
	})
}

func TestT2TheFeeIsSpokenOfWhereThereIsOne(t *testing.T) {
	each(t, func(t *testing.T, history *history, line line) {
		fee := false
		switch event := line.event.(type) {
		case push.Offered, push.PayoutRequested:
			fee = history.state.FeeRate.Of(history.state.Total) > 0
		case push.PayoutRefused:
			fee = event.FeeOnly
		case push.PaidOut:
			fee = event.FeeFrom != ""
		default: // it was told when the push was offered, and is when the seller is to be paid
		}
		require.Equal(t, fee, strings.Contains(line.ZH, "手续费"), line.ZH)
		require.Equal(t, fee, regexp.MustCompile(`\bfee\b`).MatchString(line.EN), line.EN)
	})
}

// An offer, its end and its being undone name a domain, how many more there are, and the
// price; an offer and its end also until when it stood.
func TestOffersEndsAndReturnsSayWhatTheyAreAbout(t *testing.T) {
	each(t, func(t *testing.T, history *history, line line) {
		switch line.event.(type) {
		case push.Offered, push.Expired, push.Invalidated, push.ReturnStarted:
			require.Contains(t, line.EN, history.state.Lines[0].Domain.Both())
			require.Contains(t, line.ZH, history.state.Lines[0].Domain.Unicode())
			require.Contains(t, line.EN, history.state.Total.String())
			require.Contains(t, line.ZH, history.state.Total.String()+" 元")
			if len(history.state.Lines) > 1 {
				require.Contains(t, line.ZH, "个域名")
				require.Contains(t, line.EN, "more")
			}
		default:
			return
		}
		if _, returning := line.event.(push.ReturnStarted); !returning && history.state.PaidAt.IsZero() {
			require.Contains(t, line.EN, "UTC")
			require.Contains(t, line.ZH, "（北京时间）")
		}
	})
}

func TestL5APushThatWasNotPaidSaysSoLast(t *testing.T) {
	each(t, func(t *testing.T, history *history, line line) {
		if history.state.EndReason == string(push.ExpiryPaymentWindow) && line.last {
			require.Contains(t, line.ZH, "逾期未付款")
			require.Contains(t, line.EN, "not paid in time")
		}
	})
}

// each calls check for every sentence of the golden histories.
func each(t *testing.T, check func(*testing.T, *history, line)) {
	t.Helper()
	for _, told := range goldenHistories() {
		t.Run(told.heading, func(t *testing.T) {
			history := lived(t, told.steps)
			for _, line := range sentences(t, told.steps) {
				check(t, history, line)
			}
		})
	}
}

func TestThereIsASentenceForEveryEventWhateverIsInIt(t *testing.T) {
	for _, event := range catalog.Events() {
		ours, is := event.(push.Event)
		if !is {
			continue
		}
		_, said := words.Story{}.Tell(ours)
		require.NotContains(t, []string{"", event.EventType()}, said.EN)
		require.NotContains(t, []string{"", event.EventType(), said.EN}, said.ZH)
		require.NotContains(t, said.EN+said.ZH, "{", event.EventType())
	}
	_, said := words.Story{}.Tell(push.Declined{Reason: "{0} ， %d\n  作 "})
	require.Contains(t, said.EN, "“{0} ， %d 作”", "other people's words stay what they are")
}

// Texts of codes about a domain have room for its name.
func TestTheCauseOfAnEndNamesItsDomain(t *testing.T) {
	const name domainname.Name = "alpha.com"
	for _, code := range []string{
		push.CodeDomainGone, push.CodeAccountMoved, push.CodeRegistrantChanged, push.CodeBlacklisted, push.CodeAccountMoveLocked,
		push.CodePublishingRestricted, push.CodeAuthCodeIssued, push.CodePolicyViolation, push.CodeMoveRefused, push.CodeHoldRefused,
		push.CodeBuyerActed, push.CodeDomainExpired, push.CodePendingOperation, push.CodeAlreadyOnSale,
	} {
		_, said := words.Story{}.Tell(push.Invalidated{Code: code, Domain: name})
		require.Equal(t, []int{1, 1}, []int{strings.Count(said.EN, "alpha.com"), strings.Count(said.ZH, "域名 alpha.com")}, code)
	}
}

func TestEveryWordIsInBothLanguages(t *testing.T) {
	for _, status := range []push.Status{
		push.StatusOffered, push.StatusAccepted, push.StatusPaid, push.StatusCompleted, push.StatusWithdrawn,
		push.StatusDeclined, push.StatusExpired, push.StatusInvalidated, push.StatusRefunded,
	} {
		requireWords(t, words.Status(status), string(status))
	}
	for _, payment := range []string{"none", "waiting", "paid", "refunded", "closed"} {
		requireWords(t, words.Payment(payment), payment)
	}
	for _, delivery := range []string{"none", "moving", "delivered", "refused", "returning", "returned", "kept", "gone", "stuck"} {
		requireWords(t, words.Delivery(delivery), delivery)
	}
	for _, step := range []push.StepKind{
		push.StepExpire, push.StepOpenPayment, push.StepAwaitPayment, push.StepDeliver, push.StepReturn, push.StepPayout,
		push.StepRefund, push.StepClosePayment, push.StepRelease, push.StepReversal, push.StepBuyerAct, push.StepCheckFunding,
	} {
		requireWords(t, words.Step(step), string(step))
	}
	for _, place := range []push.Place{
		push.PlaceReturned, push.PlaceKept, push.PlaceTransferredOut, push.PlaceDeleted, push.PlaceGone,
	} {
		requireWords(t, words.Place(place), string(place))
	}
	require.Equal(t, words.Text{EN: "odd", ZH: "odd"}, words.Status("odd"), "what has no word is shown as it is")
	require.Equal(t, words.Text{EN: "validity over", ZH: "有效期满"}, words.End(push.StatusExpired, "validity"))
	require.Equal(t, words.Text{EN: "“too dear”", ZH: "“too dear”"}, words.End(push.StatusDeclined, " too dear "))
	require.Equal(t, "域名发生了过户", words.End(push.StatusInvalidated, push.CodeRegistrantChanged).ZH)
	require.Zero(t, words.End(push.StatusCompleted, ""))
}

func requireWords(t *testing.T, text words.Text, code string) {
	t.Helper()
	require.NotEmpty(t, text.EN, code)
	require.NotRegexp(t, `[A-Za-z_]`, text.ZH, code)
}
