package platform

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/sagas/registrar"
)

const (
	eventSubject = "registrar.event."
	elsewhere    = "elsewhere" // where a domain goes of which it is not said
	maxDetail    = 32 << 10    // bytes
	transferOut  = "transfer_out"

	arbitration = "arbitration"
	dispute     = "dispute"
)

// event is what the registrar publishes.
type event struct {
	ID     string          `json:"event_id"`
	Kind   string          `json:"kind"`
	Domain domainname.Name `json:"domain"`
	At     time.Time       `json:"at"`
	Detail jsontext.Value  `json:"detail,omitzero"`
}

// detail is what an event may say of itself beside its kind.
type detail struct {
	From        string `json:"from,omitzero"`
	To          string `json:"to,omitzero"`
	OperationID string `json:"operation_id,omitzero"` // the ledger's order that caused it
	Registrant  string `json:"registrant,omitzero"`
	Restriction string `json:"restriction,omitzero"`
}

// effects is what each kind of event does to the facts of its domain. A kind that is not
// here does nothing to them: registrars think of new ones.
var effects = map[string]func(facts *push.DomainFacts, at time.Time, said detail){
	registrar.KindDeleted: func(facts *push.DomainFacts, _ time.Time, _ detail) { facts.Exists = false },
	registrar.KindTransferredOut: func(facts *push.DomainFacts, _ time.Time, _ detail) {
		facts.RegistrarOK = false
		facts.Pending = slices.DeleteFunc(slices.Clone(facts.Pending), func(mark string) bool { return mark == transferOut })
	},
	registrar.KindTransferOutStarted: func(facts *push.DomainFacts, _ time.Time, _ detail) {
		facts.RegistrarOK = false
		facts.Pending = mark(facts.Pending, transferOut)
	},
	registrar.KindAccountMoved: func(facts *push.DomainFacts, _ time.Time, said detail) {
		facts.Account = cmp.Or(said.To, elsewhere)
	},
	// If it is not said who the registrant is now, the revision alone shows that it changed.
	registrar.KindRegistrantChanged: func(facts *push.DomainFacts, _ time.Time, said detail) {
		facts.RegistrantHint = cmp.Or(said.Registrant, facts.RegistrantHint)
	},
	registrar.KindBlacklisted: func(facts *push.DomainFacts, _ time.Time, _ detail) {
		facts.Restrictions = mark(facts.Restrictions, "blacklisted")
	},
	registrar.KindAccountMoveLocked: func(facts *push.DomainFacts, _ time.Time, _ detail) { facts.AccountMoveLocked = true },
	registrar.KindAuthCodeIssued:    func(facts *push.DomainFacts, at time.Time, _ detail) { facts.AuthCodeIssuedAt = at },
	registrar.KindPolicyViolation: func(facts *push.DomainFacts, _ time.Time, _ detail) {
		facts.Restrictions = mark(facts.Restrictions, "policy_violation")
	},
	registrar.KindRestricted: func(facts *push.DomainFacts, _ time.Time, said detail) {
		facts.Restrictions = mark(facts.Restrictions, cmp.Or(said.Restriction, arbitration))
	},
	registrar.KindExpired: func(facts *push.DomainFacts, at time.Time, _ detail) { facts.ExpiresAt = at },
	registrar.KindOnSale:  func(facts *push.DomainFacts, _ time.Time, _ detail) { facts.Sale = "fixed_price" },
}

// mark returns a copy of the list that holds the word once.
func mark(list []string, word string) []string {
	if slices.Contains(list, word) {
		return list
	}
	return append(slices.Clone(list), word)
}

// causeEvent answers sandbox.registrar.event. What it causes is done by the registry or
// the registrar itself, so it happens to a held domain as well; what the holder of a domain
// tries is an act. An event about a domain that nobody registered changes nothing and is
// published all the same.
func (p *Platform) causeEvent(ctx context.Context, body []byte) (any, error) {
	caused, said, err := p.readEvent(body)
	if err != nil {
		return nil, err
	}
	revision, err := p.applyEvent(ctx, caused, said)
	if err != nil {
		return nil, err
	}
	if err := p.publish(ctx, caused); err != nil {
		return nil, err
	}
	return done{OK: true, Domain: caused.Domain, Revision: revision, EventID: caused.ID}, nil
}

// readEvent reads the event to cause and what its detail says.
func (p *Platform) readEvent(body []byte) (event, detail, error) {
	var wanted struct {
		ID     string         `json:"event_id"`
		Kind   string         `json:"kind"`
		Domain string         `json:"domain"`
		At     string         `json:"at"`
		Detail jsontext.Value `json:"detail"`
	}
	if err := read(body, &wanted); err != nil {
		return event{}, detail{}, err
	}
	name, err := parseDomain(wanted.Domain)
	if err != nil {
		return event{}, detail{}, err
	}
	if !markPattern.MatchString(wanted.Kind) {
		return event{}, detail{}, refuse("invalid_kind", "kind %.60q is not 1 to 64 of [a-z0-9_]", wanted.Kind)
	}
	if wanted.ID == "" {
		wanted.ID = uuid.NewString()
	}
	if err := checkID(wanted.ID); err != nil {
		return event{}, detail{}, err
	}
	if wanted.At == "" {
		wanted.At = "0s"
	}
	at, err := parseMoment(wanted.At, p.now())
	if err != nil {
		return event{}, detail{}, err
	}
	said, err := readDetail(wanted.Detail)
	if err != nil {
		return event{}, detail{}, err
	}
	return event{ID: wanted.ID, Kind: wanted.Kind, Domain: name, At: at, Detail: wanted.Detail}, said, nil
}

// readDetail reads what an event says of itself. A text says nothing that is understood.
func readDetail(value jsontext.Value) (detail, error) {
	if len(value) > maxDetail {
		return detail{}, refuse("too_large", "a detail holds at most %d bytes", maxDetail)
	}
	var said detail
	switch value.Kind() {
	case jsontext.KindBeginObject:
		if err := json.Unmarshal(value, &said); err != nil {
			return detail{}, refuse("invalid_detail", "%v", err)
		}
	case jsontext.KindString, jsontext.KindNull, jsontext.KindInvalid: // invalid: there is none
	default:
		return detail{}, refuse("invalid_detail", "a detail is an object or a text")
	}
	return said, said.check()
}

func (d detail) check() error {
	if d.To != "" {
		if err := checkAccount(d.To); err != nil {
			return err
		}
	}
	if d.Registrant != "" {
		if err := checkRegistrant(d.Registrant); err != nil {
			return err
		}
	}
	if d.Restriction != "" && d.Restriction != arbitration && d.Restriction != dispute {
		return refuse("invalid_detail", "restriction %.40q is neither %s nor %s", d.Restriction, arbitration, dispute)
	}
	return nil
}

// applyEvent changes the facts and returns the domain's revision afterwards.
func (p *Platform) applyEvent(ctx context.Context, caused event, said detail) (uint64, error) {
	d := p.domains.lock(caused.Domain)
	defer d.mu.Unlock()
	facts := d.record.Facts
	effect := effects[caused.Kind]
	if facts.Revision == 0 || effect == nil {
		return facts.Revision, nil
	}
	effect(&facts, caused.At, said)
	if err := p.save(ctx, d, d.record.changed(facts)); err != nil {
		return 0, err
	}
	return d.record.Facts.Revision, nil
}

// echo publishes a move that was done (fault F19), and that it changed the registrant if it
// did. The move is recorded: if an event cannot be published, the answer is still that it
// was done.
func (p *Platform) echo(ctx context.Context, name domainname.Name, performed operation) {
	err := p.tell(ctx, event{ID: "moved-" + performed.ID, Kind: registrar.KindAccountMoved, Domain: name, At: p.now().UTC()},
		detail{From: performed.From, To: performed.To, OperationID: performed.ID})
	if err == nil && performed.Registrant != "" {
		err = p.tell(ctx, event{ID: "registrant-" + performed.ID, Kind: registrar.KindRegistrantChanged, Domain: name, At: p.now().UTC()},
			detail{OperationID: performed.ID})
	}
	if err != nil {
		p.logger.Error("sandbox platform: a move was done and an event of it is lost", "operation_id", performed.ID, "error", err)
	}
}

// tell publishes an event with a detail.
func (p *Platform) tell(ctx context.Context, caused event, said detail) error {
	if said != (detail{}) {
		body, err := json.Marshal(said)
		if err != nil {
			return fmt.Errorf("platform: encode detail of %s: %w", caused.ID, err)
		}
		caused.Detail = body
	}
	return p.publish(ctx, caused)
}

func (p *Platform) publish(ctx context.Context, caused event) error {
	body, err := json.Marshal(caused)
	if err != nil {
		return fmt.Errorf("platform: encode event %s: %w", caused.ID, err)
	}
	message := &nats.Msg{Subject: eventSubject + caused.Kind, Data: body, Header: nats.Header{}}
	if _, err := p.js.PublishMsg(ctx, message, jetstream.WithMsgID(caused.ID)); err != nil {
		return fmt.Errorf("platform: publish event %s: %w", caused.ID, err)
	}
	return nil
}
