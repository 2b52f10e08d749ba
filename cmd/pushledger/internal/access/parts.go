package access

import (
	"fmt"
	"slices"

	"github.com/pushledger/pushledger/eventstore/natsserver"
)

// Part is a connection of the service to its own server. Each has the rights of its part
// alone: one that answers clients can write neither events nor commands, whatever reply
// subject a client thinks of.
type Part struct {
	Name, Does string
	// Inbox is the prefix of its inboxes, which nobody else may subscribe to: an account
	// id holds no "$", and below _INSIDE nobody outside has any rights.
	Inbox              string
	Publish, Subscribe []string // beside its own inbox
}

// Parts are all of them.
var Parts = []Part{
	{
		Name: "log", Does: "reads and writes events", Inbox: "_INSIDE.log",
		Publish: []string{"push.evt.>", "$JS.API.>", "$JS.ACK.>", "$JS.FC.>"},
	},
	{Name: "checkpoints", Does: "keeps signed checkpoints", Inbox: "_INSIDE.checkpoints", Publish: []string{"push.checkpoint", "$JS.API.>"}},
	{Name: "doors", Does: "answers commands and queries", Inbox: "_INSIDE.doors", Publish: []string{"_INBOX.>"}, Subscribe: []string{"push.cmd.>", "push.query.>", "$SRV.>"}},
	{Name: "audit", Does: "answers auditors", Inbox: "_INSIDE.audit", Publish: []string{"_INBOX.>"}, Subscribe: []string{"push.audit.>"}},
	{
		Name: "intake", Does: "takes submitted commands in", Inbox: "_INSIDE.intake",
		Publish: []string{"push.queue.>", "_INBOX.>"}, Subscribe: []string{"push.submit.>"},
	},
	{Name: "submissions", Does: "carries submitted commands out", Inbox: "_INSIDE.submissions", Publish: []string{"push.result.>", "$JS.API.>", "$JS.ACK.>"}},
	{Name: "notices", Does: "gives notice and keeps it", Inbox: "_INSIDE.notices", Publish: []string{"push.notice.>", "$JS.API.>"}},
	{
		Name: "registrar-events", Does: "takes the registrar's events in", Inbox: "_INSIDE.registrar-events",
		Publish: []string{"registrar.kept.>", "_INBOX.>"}, Subscribe: []string{"registrar.event.>"},
	},
	{Name: "feed", Does: "works the registrar's events off", Inbox: "_INSIDE.feed", Publish: []string{"$JS.API.>", "$JS.ACK.>", "$JS.FC.>"}},
	{Name: "partners", Does: "asks registrar and account directory", Inbox: "_INBOX.$partners", Publish: []string{"registrar.v1.>", "accounts.v1.>"}},
	{
		Name: "sandbox", Does: "is registrar, directory and Alipay in the sandbox", Inbox: "_INBOX.$sandbox",
		Publish:   []string{"_INBOX.>", "registrar.event.>", "$KV.SANDBOX.>", "$JS.API.>", "$JS.ACK.>", "$JS.FC.>"},
		Subscribe: []string{"sandbox.>", "registrar.v1.>", "accounts.v1.>"},
	},
}

// PartOf gives the rights of a part of the service, and the prefix of its inboxes.
func PartOf(name string) (grant natsserver.Grant, inbox string, err error) {
	at := slices.IndexFunc(Parts, func(part Part) bool { return part.Name == name })
	if at < 0 {
		return natsserver.Grant{}, "", fmt.Errorf("access: the service has no part %q", name)
	}
	part := Parts[at]
	return natsserver.Grant{
		Name: name, Publish: part.Publish, Subscribe: append([]string{part.Inbox + ".>"}, part.Subscribe...),
	}, part.Inbox, nil
}
