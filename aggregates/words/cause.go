package words

import (
	"strings"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
)

// cause says why a push became invalid or is being undone, and names the domain.
func cause(code string, name domainname.Name, from push.Cause) Text {
	text := about(code, name)
	if precise, is := events[from.Detail]; is && from.Kind == push.CauseRegistrarEvent {
		text = naming(precise, name)
	}
	switch {
	case code == push.CodeTakenDown && strings.TrimSpace(from.Reason) != "":
		return fill("{0}: {1}", "{0}，原因：{1}", text, quoted(from.Reason))
	case (from.Kind == push.CauseMove || from.Kind == push.CauseHold) && from.Detail != "":
		return fill("{0} {1}", "{0}{1}", text, partners(from.Detail))
	default:
		return text
	}
}

// events are what kinds of the registrar's events say more precisely than their code.
var events = map[string]Text{
	"deleted":              {EN: "the domain was deleted", ZH: "域名已被删除"},
	"transferred_out":      {EN: "the domain was transferred out to another registrar", ZH: "域名已转出本注册商"},
	"transfer_out_started": {EN: "the domain is being transferred out to another registrar", ZH: "域名正在转出本注册商"},
}

// about is the text of a code of the ledger with the name of the domain in it, if there is
// one; empty for a code of somebody else.
func about(code string, name domainname.Name) Text {
	en, zh := push.Message(code)
	return naming(Text{EN: en, ZH: zh}, name)
}

// naming puts the name of the domain where a text speaks of one.
func naming(text Text, name domainname.Name) Text {
	if name == "" {
		return text
	}
	return Text{
		EN: strings.Replace(text.EN, "the domain", name.Both(), 1),
		ZH: strings.Replace(text.ZH, "域名", "域名"+named(name).ZH, 1),
	}
}

// why is the reason for which something was not done with a domain: the text of a code of
// the ledger, or that the registrar refused, with its own code as it came.
func why(code string, name domainname.Name) Text {
	if text := about(code, name); text != (Text{}) {
		return text
	}
	if code == "" {
		return Text{EN: "the registrar refused", ZH: "注册商拒绝"}
	}
	return fill("the registrar refused {0}", "注册商拒绝{0}", partners(code))
}

// partners is a code of a partner, as it came (rule T5). No catalogue knows its words.
func partners(code string) Text { return say("(its code: %s)", "（返回码 %s）", code) }

// provider is why the payment provider refused: its own words and its code (rule T5).
func provider(code, message string) Text {
	switch {
	case message == "" && code == "":
		return Text{EN: "it gave no reason", ZH: "未说明原因"}
	case message == "":
		return say("its code is %s", "返回码 %s", code)
	case code == "":
		return quoted(message)
	default:
		return fill("{0} {1}", "{0}{1}", quoted(message), partners(code))
	}
}
