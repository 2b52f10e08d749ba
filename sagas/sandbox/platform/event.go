package platform

import (
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
)

// event is what the registrar publishes.
type event struct {
	ID     string          `json:"event_id"`
	Kind   string          `json:"kind"`
	Domain domainname.Name `json:"domain"`
	At     time.Time       `json:"at"`
	Detail jsontext.Value  `json:"detail,omitzero"`
}

// moved is the detail of an account_moved event.
type moved struct {
	From        string `json:"from"`
	To          string `json:"to"`
	OperationID string `json:"operation_id"`
}

// effects is what each kind of event does to the facts of its domain. to is the account
// that the event's detail names.
var effects = map[string]func(facts *push.DomainFacts, at time.Time, to string){
	registrar.KindDeleted: func(facts *push.DomainFacts, _ time.Time, _ string) { facts.Exists = false },
	registrar.KindTransferredOut: func(facts *push.DomainFacts, _ time.Time, _ string) {
		facts.RegistrarOK = false
		facts.Pending = slices.DeleteFunc(slices.Clone(facts.Pending), func(mark string) bool { return mark == transferOut })
	},
	registrar.KindTransferOutStarted: func(facts *push.DomainFacts, _ time.Time, _ string) {
		facts.RegistrarOK = false
		facts.Pending = mark(facts.Pending, transferOut)
	},
	registrar.KindAccountMoved: func(facts *push.DomainFacts, _ time.Time, to string) { facts.Account = to },
	// The registrant is no fact of the contract; the revision shows that it changed.
	registrar.KindRegistrantChanged: func(*push.DomainFacts, time.Time, string) {},
	registrar.KindBlacklisted: func(facts *push.DomainFacts, _ time.Time, _ string) {
		facts.Restrictions = mark(facts.Restrictions, "blacklisted")
	},
	registrar.KindAccountMoveLocked: func(facts *push.DomainFacts, _ time.Time, _ string) { facts.AccountMoveLocked = true },
	registrar.KindAuthCodeIssued:    func(facts *push.DomainFacts, at time.Time, _ string) { facts.AuthCodeIssuedAt = at },
	registrar.KindPolicyViolation: func(facts *push.DomainFacts, _ time.Time, _ string) {
		facts.Restrictions = mark(facts.Restrictions, "policy_violation")
	},
}

// mark returns a copy of the list that holds the word once.
func mark(list []string, word string) []string {
	if slices.Contains(list, word) {
		return list
	}
	return append(slices.Clone(list), word)
}

// causeEvent answers sandbox.registrar.event. An event about a domain that nobody
// registered changes nothing and is published all the same.
func (p *Platform) causeEvent(ctx context.Context, body []byte) (any, error) {
	caused, to, err := p.readEvent(body)
	if err != nil {
		return nil, err
	}
	revision, err := p.applyEvent(ctx, caused, to)
	if err != nil {
		return nil, err
	}
	if err := p.publish(ctx, caused); err != nil {
		return nil, err
	}
	return done{OK: true, Domain: caused.Domain, Revision: revision, EventID: caused.ID}, nil
}

// readEvent reads the event to cause and the account that its detail names.
func (p *Platform) readEvent(body []byte) (event, string, error) {
	var wanted struct {
		ID     string         `json:"event_id"`
		Kind   string         `json:"kind"`
		Domain string         `json:"domain"`
		At     string         `json:"at"`
		Detail jsontext.Value `json:"detail"`
	}
	if err := read(body, &wanted); err != nil {
		return event{}, "", err
	}
	name, err := parseDomain(wanted.Domain)
	if err != nil {
		return event{}, "", err
	}
	if effects[wanted.Kind] == nil {
		return event{}, "", refuse("invalid_kind", "kind %.60q is none of the contract", wanted.Kind)
	}
	if wanted.ID == "" {
		wanted.ID = uuid.NewString()
	}
	if err := checkID(wanted.ID); err != nil {
		return event{}, "", err
	}
	if wanted.At == "" {
		wanted.At = "0s"
	}
	at, err := parseMoment(wanted.At, p.now())
	if err != nil {
		return event{}, "", err
	}
	to, err := destination(wanted.Detail)
	if err != nil {
		return event{}, "", err
	}
	return event{ID: wanted.ID, Kind: wanted.Kind, Domain: name, At: at, Detail: wanted.Detail}, to, nil
}

// destination is the account that an event's detail names.
func destination(detail jsontext.Value) (string, error) {
	if len(detail) > maxDetail {
		return "", refuse("too_large", "a detail holds at most %d bytes", maxDetail)
	}
	var named moved
	switch detail.Kind() {
	case jsontext.KindBeginObject:
		if err := json.Unmarshal(detail, &named); err != nil {
			return "", refuse("invalid_detail", "%v", err)
		}
	case jsontext.KindString, jsontext.KindNull, jsontext.KindInvalid: // invalid: there is none
	default:
		return "", refuse("invalid_detail", "a detail is an object or a text")
	}
	if named.To == "" {
		return elsewhere, nil
	}
	return named.To, checkAccount(named.To)
}

// applyEvent changes the facts and returns the domain's revision afterwards.
func (p *Platform) applyEvent(ctx context.Context, caused event, to string) (uint64, error) {
	d := p.domains.open(caused.Domain)
	d.mu.Lock()
	defer d.mu.Unlock()
	facts := d.record.Facts
	if facts.Revision == 0 {
		return 0, nil
	}
	effects[caused.Kind](&facts, caused.At, to)
	if err := p.save(ctx, d, d.record.changed(facts)); err != nil {
		return 0, err
	}
	return d.record.Facts.Revision, nil
}

// echo publishes a move that was done (fault F19). The move is recorded: if its event
// cannot be published, the answer is still that it was done.
func (p *Platform) echo(ctx context.Context, name domainname.Name, performed operation) {
	detail, err := json.Marshal(moved{From: performed.From, To: performed.To, OperationID: performed.ID})
	if err == nil {
		err = p.publish(ctx, event{
			ID: "moved-" + performed.ID, Kind: registrar.KindAccountMoved, Domain: name, At: p.now().UTC(), Detail: detail,
		})
	}
	if err != nil {
		p.logger.Error("sandbox platform: a move was done and its event is lost", "operation_id", performed.ID, "error", err)
	}
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
