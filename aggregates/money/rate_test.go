package money_test

import (
	"math/big"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/pushledger/pushledger/aggregates/money"
)

func TestParseRate(t *testing.T) {
	for text, want := range map[string]money.Rate{
		"0":        0,
		"0.0":      0,
		"0.05":     50_000,
		"0.050000": 50_000,
		"0.000001": 1,
		"1":        money.Whole,
		"1.000000": money.Whole,
	} {
		rate, err := money.ParseRate(text)
		require.NoError(t, err, text)
		require.Equal(t, want, rate, text)
	}
}

func TestParseRateRefuses(t *testing.T) {
	for text, want := range map[string]error{
		"":             money.ErrSyntax,
		"5%":           money.ErrSyntax,
		"-0.05":        money.ErrSyntax,
		".05":          money.ErrSyntax,
		"0.0000001":    money.ErrSyntax,
		"1.000001":     money.ErrTooLarge,
		"2":            money.ErrTooLarge,
		"99999999999":  money.ErrTooLarge,
		"9999999999.1": money.ErrTooLarge,
	} {
		_, err := money.ParseRate(text)
		require.ErrorIs(t, err, want, text)
	}
}

func TestRateStringIsTheShortest(t *testing.T) {
	for rate, want := range map[money.Rate]string{
		0: "0", 1: "0.000001", 50_000: "0.05", 100_000: "0.1", money.Whole: "1", -50_000: "-0.05",
	} {
		require.Equal(t, want, rate.String())
	}
}

func TestEveryRateReadsBackFromItsString(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := aRate().Draw(t, "rate")
		again, err := money.ParseRate(rate.String())
		require.NoError(t, err)
		require.Equal(t, rate, again)
	})
}

func TestRateInJSON(t *testing.T) {
	body, err := json.Marshal(money.Rate(50_000))
	require.NoError(t, err)
	require.Equal(t, `"0.05"`, string(body))

	var rate money.Rate
	require.NoError(t, json.Unmarshal(body, &rate))
	require.Equal(t, money.Rate(50_000), rate)
	for _, body := range []string{`0.05`, `"1.1"`, `"-0.1"`, `""`} {
		require.Error(t, json.Unmarshal([]byte(body), &rate), body)
	}
}

func TestAnUnreadableRateIsNotWritten(t *testing.T) {
	_, err := money.Rate(-1).MarshalText()
	require.ErrorIs(t, err, money.ErrNegative)
	_, err = (money.Whole + 1).MarshalText()
	require.ErrorIs(t, err, money.ErrTooLarge)
}

func TestAFeeIsRoundedDown(t *testing.T) {
	for _, test := range []struct {
		rate  money.Rate
		total money.Fen
		want  money.Fen
	}{
		{0, money.Max, 0},
		{money.Whole, money.Max, money.Max},
		{50_000, 100_00, 5_00},
		{50_000, 19, 0},
		{50_000, 39, 1},
		{1, money.Max, 10_000},
		{money.Whole - 1, 1, 0},
	} {
		require.Equal(t, test.want, test.rate.Of(test.total), "%s of %s", test.rate, test.total)
	}
}

func TestAFeeIsExactDownToTheLastFen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate, total := aRate().Draw(t, "rate"), anAmount().Draw(t, "total")
		exact := new(big.Int).Mul(big.NewInt(int64(rate)), big.NewInt(int64(total)))
		exact.Quo(exact, big.NewInt(int64(money.Whole)))
		require.Equal(t, exact.Int64(), int64(rate.Of(total)))
	})
}

func aRate() *rapid.Generator[money.Rate] {
	return rapid.Map(rapid.Int64Range(0, int64(money.Whole)), func(parts int64) money.Rate { return money.Rate(parts) })
}
