package money_test

import (
	"math"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/pushledger/pushledger/aggregates/money"
)

func TestParse(t *testing.T) {
	for _, test := range []struct {
		text string
		want money.Fen
	}{
		{"0", 0},
		{"0.0", 0},
		{"0.00", 0},
		{"0.01", 1},
		{"0.1", 10},
		{"1", 100},
		{"1999", 1999_00},
		{"1999.5", 1999_50},
		{"1999.05", 1999_05},
		{"100000000", money.Max},
		{"100000000.00", money.Max},
		{"99999999.99", money.Max - 1},
	} {
		t.Run(test.text, func(t *testing.T) {
			amount, err := money.Parse(test.text)
			require.NoError(t, err)
			require.Equal(t, test.want, amount)
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]error{
		"":                      money.ErrSyntax,
		".":                     money.ErrSyntax,
		".5":                    money.ErrSyntax,
		"5.":                    money.ErrSyntax,
		"1.234":                 money.ErrSyntax,
		"1.2.3":                 money.ErrSyntax,
		"00":                    money.ErrSyntax,
		"01":                    money.ErrSyntax,
		"-1":                    money.ErrSyntax,
		"+1":                    money.ErrSyntax,
		"-0":                    money.ErrSyntax,
		" 1":                    money.ErrSyntax,
		"1\n":                   money.ErrSyntax,
		"1,000":                 money.ErrSyntax,
		"1_000":                 money.ErrSyntax,
		"1e3":                   money.ErrSyntax,
		"0x1":                   money.ErrSyntax,
		"NaN":                   money.ErrSyntax,
		"Inf":                   money.ErrSyntax,
		"１":                     money.ErrSyntax,
		"¥1":                    money.ErrSyntax,
		"100000000.01":          money.ErrTooLarge,
		"100000001":             money.ErrTooLarge,
		"999999999.99":          money.ErrTooLarge,
		"1000000000":            money.ErrTooLarge,
		"92233720368547758.08":  money.ErrTooLarge,
		"18446744073709551616":  money.ErrTooLarge,
		"184467440737095516.17": money.ErrTooLarge,
	} {
		t.Run(text, func(t *testing.T) {
			_, err := money.Parse(text)
			require.ErrorIs(t, err, want)
		})
	}
}

func TestStringAlwaysHasTwoDecimals(t *testing.T) {
	for amount, want := range map[money.Fen]string{
		0:             "0.00",
		1:             "0.01",
		10:            "0.10",
		1999_00:       "1999.00",
		money.Max:     "100000000.00",
		-5:            "-0.05",
		-1999_50:      "-1999.50",
		math.MaxInt64: "92233720368547758.07",
		math.MinInt64: "-92233720368547758.08",
	} {
		require.Equal(t, want, amount.String())
	}
}

func TestEveryAmountReadsBackFromItsString(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		amount := anAmount().Draw(t, "amount")
		again, err := money.Parse(amount.String())
		require.NoError(t, err)
		require.Equal(t, amount, again)
	})
}

func TestJSONIsAString(t *testing.T) {
	body, err := json.Marshal(map[string]money.Fen{"price": 1999_00})
	require.NoError(t, err)
	require.JSONEq(t, `{"price":"1999.00"}`, string(body))

	var price money.Fen
	require.NoError(t, json.Unmarshal([]byte(`"1999.5"`), &price))
	require.Equal(t, money.Fen(1999_50), price)
}

func TestJSONIsStrict(t *testing.T) {
	for _, body := range []string{`1999`, `1999.00`, `"-1"`, `""`, `"1e3"`, `true`, `{}`, `"100000000.01"`} {
		price := money.Fen(7)
		require.Error(t, json.Unmarshal([]byte(body), &price), body)
		require.Equal(t, money.Fen(7), price, body)
	}
}

func TestAnUnreadableAmountIsNotWritten(t *testing.T) {
	for amount, want := range map[money.Fen]error{-1: money.ErrNegative, money.Max + 1: money.ErrTooLarge} {
		_, err := amount.MarshalText()
		require.ErrorIs(t, err, want)
	}
}

func TestSum(t *testing.T) {
	for name, test := range map[string]struct {
		amounts []money.Fen
		want    money.Fen
		err     error
	}{
		"of nothing":          {nil, 0, nil},
		"of some":             {[]money.Fen{1, 20, 300}, 321, nil},
		"exactly the maximum": {[]money.Fen{money.Max - 1, 1}, money.Max, nil},
		"above the maximum":   {[]money.Fen{money.Max, 1}, 0, money.ErrTooLarge},
		"back below it":       {[]money.Fen{money.Max, 1, -1}, 0, money.ErrTooLarge},
		"one too large":       {[]money.Fen{math.MaxInt64, math.MaxInt64, 2}, 0, money.ErrTooLarge},
		"one negative":        {[]money.Fen{5, -1}, 0, money.ErrNegative},
	} {
		t.Run(name, func(t *testing.T) {
			total, err := money.Sum(test.amounts...)
			require.ErrorIs(t, err, test.err)
			require.Equal(t, test.want, total)
		})
	}
}

func TestSumIsExactOrRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		amounts := rapid.SliceOfN(anAmount(), 0, 500).Draw(t, "amounts")
		exact := money.Fen(0) // 500 amounts stay far below what an int64 holds
		for _, amount := range amounts {
			exact += amount
		}
		total, err := money.Sum(amounts...)
		if exact > money.Max {
			require.ErrorIs(t, err, money.ErrTooLarge)
			return
		}
		require.NoError(t, err)
		require.Equal(t, exact, total)
	})
}

func anAmount() *rapid.Generator[money.Fen] {
	return rapid.Map(rapid.Int64Range(0, int64(money.Max)), func(fen int64) money.Fen { return money.Fen(fen) })
}
