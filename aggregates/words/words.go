// Package words is the catalogue of what people are told, in English and in Chinese: the
// words for statuses, payments, domains and steps, and a sentence for every event of a
// push. The same thing has the same word everywhere; the texts of refusals are in package
// push. It decides nothing, and nothing depends on what it says.
package words

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
)

// Text is the same in both languages.
type Text = push.Words

// say fills both texts with what is the same in either language.
func say(en, zh string, same ...any) Text {
	return Text{EN: fmt.Sprintf(en, same...), ZH: fmt.Sprintf(zh, same...)}
}

// fill puts words into the places {0}, {1} and so on of both texts.
func fill(en, zh string, parts ...Text) Text {
	english, chinese := make([]string, 0, 2*len(parts)), make([]string, 0, 2*len(parts))
	for i, part := range parts {
		place := fmt.Sprintf("{%d}", i)
		english, chinese = append(english, place, part.EN), append(chinese, place, part.ZH)
	}
	return Text{EN: strings.NewReplacer(english...).Replace(en), ZH: strings.NewReplacer(chinese...).Replace(zh)}
}

// same is a text that no language changes, such as an account.
func same(text string) Text { return Text{EN: text, ZH: text} }

// In Chinese, what is not Chinese brings the spaces around it along, and tidy takes away
// those that are too many.

func yuan(amount money.Fen) Text { return say("%s CNY", " %s 元", amount) }

func instant(at time.Time) Text {
	en, zh := push.Instant(at)
	return Text{EN: en, ZH: " " + zh}
}

// named is one domain so that it cannot be taken for another that looks the same.
func named(name domainname.Name) Text { return say("%s", " %s ", name.Both()) }

// tidy leaves no space beside Chinese punctuation, and none twice.
func tidy(text Text) Text {
	text.ZH = strings.TrimSpace(spaces.ReplaceAllString(text.ZH, "$1$2"))
	return text
}

var spaces = regexp.MustCompile(` *([，。：；（）“”]) *|( ) +`)

// quoted are other people's words. They stand in a sentence without spaces and lines of
// their own.
func quoted(text string) Text { return same("“" + strings.Join(strings.Fields(text), " ") + "”") }

// reasoned adds the reason that somebody gave, if there was one.
func reasoned(text Text, reason string) Text {
	if strings.TrimSpace(reason) == "" {
		return Text{EN: text.EN + ".", ZH: text.ZH + "。"}
	}
	return fill("{0}: {1}.", "{0}，原因：{1}。", text, quoted(reason))
}
