package push

import "strconv"

// maxQuoted bounds how much of a wrong value a refusal repeats, in characters.
const maxQuoted = 40

// Quote is what somebody has sent, for a sentence about it: shortened, in quotes, and with
// every character that is not seen as itself, such as one that turns text around, by its
// number.
func Quote(text string) string {
	runes := []rune(text)
	if len(runes) > maxQuoted {
		return strconv.Quote(string(runes[:maxQuoted])) + "…"
	}
	return strconv.Quote(string(runes))
}

// RefuseValue is Refuse that names what was wrong: the member of the body, if its code does
// not say it, and its value.
func RefuseValue(code, member, value string) *Refusal {
	if member != "" {
		member += " "
	}
	return Refuse(code, member+Quote(value))
}

// ViolateValue is Violate that repeats the value which breaks the rule. Input keeps more of it.
func ViolateValue(rule, code, value string) Violation {
	violation, refusal := Violate(rule, code), RefuseValue(code, "", value)
	violation.Message, violation.MessageZH = refusal.Message, refusal.MessageZH
	return violation
}
