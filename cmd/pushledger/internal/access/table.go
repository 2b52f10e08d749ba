// Package access is the one table of who may do what. What it guarantees: a connection
// to NATS has the permissions that its rows give and no other, and a path of the HTTP
// door lets in the roles of its row and nobody else. What no row allows is forbidden.
// The table is printed in docs/security.md, and a test tries every row of it with every
// role at the doors of a running service.
package access

import (
	"slices"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/identity"
)

// Way is how something is reached.
type Way string

// The ways.
const (
	Publish   Way = "publish"   // to a NATS subject
	Subscribe Way = "subscribe" // to a NATS subject
	Command   Way = "command"   // a verb below push.cmd.<account>; the door itself refuses it to others
	HTTP      Way = "HTTP"      // a method and a path
)

// own stands in a subject for the account of the token.
const own = "<account>"

// Row is one thing that can be done, and who may.
type Row struct {
	Way  Way
	What string // a subject, a verb, or a method and a path
	Who  []identity.Role
	// All are those of Who who are shown what belongs to others as well (rule T1). It is
	// nil where nothing is shown.
	All     []identity.Role
	Anybody bool   // without a token
	Sandbox bool   // in the sandbox only
	Query   string // the name below push.query.<account> that is answered in the same way
}

var (
	people    = []identity.Role{identity.Trader, identity.Operator, identity.Auditor}
	operators = []identity.Role{identity.Operator}
	auditors  = []identity.Role{identity.Auditor}
	partners  = []identity.Role{identity.Partner}
	account   = []identity.Role{identity.Trader, identity.Operator, identity.Auditor, identity.Partner}
	service   = []identity.Role{identity.Service}

	readers  = []identity.Role{identity.Trader, identity.Operator, identity.Auditor, identity.Service}
	seeAll   = []identity.Role{identity.Operator, identity.Auditor, identity.Service}
	operates = []identity.Role{identity.Operator, identity.Service}
)

// Table is every row. A service is a part of the ledger itself and may use every
// subject; the rows with no other role are there to be seen.
var Table = []Row{
	{Way: Publish, What: "push.cmd.<account>.>", Who: people},
	{Way: Publish, What: "push.submit.<account>.>", Who: people},
	{Way: Publish, What: "push.query.<account>.>", Who: people},
	{Way: Publish, What: "push.audit.<account>.>", Who: auditors},
	{Way: Publish, What: "registrar.v1.facts", Who: operators},
	{Way: Publish, What: "sandbox.>", Who: operators, Sandbox: true},
	{Way: Publish, What: "registrar.event.*", Who: partners},
	{Way: Publish, What: "_INBOX.>", Who: partners},
	{Way: Publish, What: "registrar.v1.move"},
	{Way: Publish, What: "registrar.v1.hold"},
	{Way: Publish, What: "registrar.v1.operation"},
	{Way: Publish, What: "accounts.v1.facts"},
	{Way: Publish, What: "push.evt.>"},
	{Way: Publish, What: "push.checkpoint"},
	{Way: Publish, What: "push.queue.>"},
	{Way: Publish, What: "push.result.>"},
	{Way: Publish, What: "push.notice.>"},
	{Way: Publish, What: "registrar.kept.>"},
	{Way: Publish, What: "$JS.API.>"},
	{Way: Publish, What: "$JS.ACK.>"},
	{Way: Publish, What: "$KV.>"},
	{Way: Publish, What: "$SRV.>"},
	{Way: Publish, What: "$SYS.>"},
	{Way: Publish, What: "_INSIDE.>"},
	{Way: Publish, What: ">", Who: service},

	{Way: Subscribe, What: "_INBOX.<account>.>", Who: account},
	{Way: Subscribe, What: "push.result.<account>.>", Who: people},
	{Way: Subscribe, What: "push.notice.<account>.>", Who: people},
	{Way: Subscribe, What: "registrar.v1.facts", Who: partners},
	{Way: Subscribe, What: "registrar.v1.move", Who: partners},
	{Way: Subscribe, What: "registrar.v1.hold", Who: partners},
	{Way: Subscribe, What: "registrar.v1.operation", Who: partners},
	{Way: Subscribe, What: "accounts.v1.facts", Who: partners},
	{Way: Subscribe, What: "_INBOX.>"},
	{Way: Subscribe, What: "push.>"},
	{Way: Subscribe, What: "push.evt.>"},
	{Way: Subscribe, What: "push.cmd.>"},
	{Way: Subscribe, What: "push.queue.>"},
	{Way: Subscribe, What: "registrar.event.>"},
	{Way: Subscribe, What: "registrar.kept.>"},
	{Way: Subscribe, What: "sandbox.>"},
	{Way: Subscribe, What: "$JS.>"},
	{Way: Subscribe, What: "$KV.>"},
	{Way: Subscribe, What: "$SRV.>"},
	{Way: Subscribe, What: "$SYS.>"},
	{Way: Subscribe, What: "_INSIDE.>"},
	{Way: Subscribe, What: ">", Who: service},

	{Way: Command, What: "takedown", Who: operates},
	{Way: Command, What: "retry", Who: operates},
	{Way: Command, What: "settle", Who: operates},

	{Way: HTTP, What: "GET /v1/pushes", Who: readers, All: seeAll, Query: "pushes"},
	{Way: HTTP, What: "GET /v1/pushes/{id}", Who: readers, All: seeAll, Query: "push"},
	{Way: HTTP, What: "GET /v1/pushes/{id}/timeline", Who: readers, All: seeAll, Query: "timeline"},
	{Way: HTTP, What: "GET /v1/pushes/{id}/facts", Who: readers, All: seeAll, Query: "facts"},
	{Way: HTTP, What: "GET /v1/domains/{name}", Who: readers, All: seeAll, Query: "domain"},
	{Way: HTTP, What: "GET /v1/accounts/{id}/statement", Who: readers, All: seeAll, Query: "statement"},
	{Way: HTTP, What: "GET /v1/stats/daily", Who: readers, All: seeAll, Query: "stats"},
	{Way: HTTP, What: "GET /v1/events", Who: readers, All: seeAll, Query: "events"},
	{Way: HTTP, What: "GET /v1/journal", Who: seeAll, All: seeAll, Query: "journal"},
	{Way: HTTP, What: "GET /v1/journal/balances", Who: seeAll, All: seeAll, Query: "balances"},
	{Way: HTTP, What: "GET /v1/bills", Who: seeAll, All: seeAll, Query: "bills"},
	{Way: HTTP, What: "GET /v1/purchases", Who: seeAll, All: seeAll, Query: "purchases"},
	{Way: HTTP, What: "GET /v1/projections", Who: seeAll},
	{Way: HTTP, What: "GET /v1/projections/{name}/copy", Who: seeAll},
	{Way: HTTP, What: "POST /v1/projections/{name}/rebuild", Who: operates},
	{Way: HTTP, What: "POST /alipay/notify", Anybody: true},
	{Way: HTTP, What: "GET /openapi.json", Anybody: true},
	{Way: HTTP, What: "GET /healthz", Anybody: true},
	{Way: HTTP, What: "GET /readyz", Anybody: true},
	{Way: HTTP, What: "GET /metrics", Anybody: true},
	{Way: HTTP, What: "POST /sandbox/alipay/gateway.do", Anybody: true, Sandbox: true},
}

// Allows reports whether a role may do this.
func (r Row) Allows(role identity.Role) bool { return r.Anybody || slices.Contains(r.Who, role) }

// MayRequest reports whether a role may use a path of the HTTP door, which is named by
// its pattern, "GET /v1/pushes/{id}". What is not in the table nobody may use.
func MayRequest(role identity.Role, what string) bool {
	at := slices.IndexFunc(Table, func(row Row) bool { return row.Way == HTTP && row.What == what })
	return at >= 0 && Table[at].Allows(role)
}
