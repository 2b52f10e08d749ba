package commands

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"go.opentelemetry.io/otel"
	"golang.org/x/sync/errgroup"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/sagas/ledger"
	"github.com/pushledger/pushledger/sagas/payment"
	"github.com/pushledger/pushledger/sagas/registrar"
)

// The verbs of commands.
const (
	verbOffer    = "offer"
	verbWithdraw = "withdraw"
	verbAccept   = "accept"
	verbDecline  = "decline"
	verbTakedown = "takedown"
)

// Config is what a Handler works with. All fields are needed, but Fees may be empty.
type Config struct {
	Ledger    *ledger.Ledger
	Registrar registrar.Registrar
	Directory registrar.Directory
	Provider  payment.Provider
	Now       func() time.Time
	Window    time.Duration             // how long a payment may take (rule L5)
	Fees      push.FeeSchedule          // rule T2
	Operator  func(account string) bool // whether it may take pushes down (rule I8), by the role that it connected with
	Index     Index
	Logger    *slog.Logger
}

// Handler decides commands. It is safe for concurrent use.
type Handler struct {
	Config
	once *once
}

// NewHandler returns a handler that has seen no command.
func NewHandler(config Config) *Handler { return &Handler{Config: config, once: newOnce(config.Index)} }

// Command is one command as it came in.
type Command struct {
	Account     string // the actor, vouched for by the server
	Verb        string
	ID          string // Command-Id header; may be empty
	Traceparent string
	Body        []byte
}

// errReplayed ends a decision about a command that has been carried out before.
var errReplayed = errors.New("commands: carried out before")

// Handle carries out one command and answers it. It never fails: what goes wrong is in
// the answer, and a refused command has changed nothing.
func (h *Handler) Handle(ctx context.Context, command Command) Reply {
	ctx, span := otel.Tracer("pushledger/commands").Start(ledger.Continue(ctx, command.Traceparent), "command")
	defer span.End()
	metadata, err := identify(&command)
	if err != nil {
		return failure(command.ID, err)
	}
	outcome, err := h.carryOut(ctx, command, metadata)
	if err != nil {
		reply := failure(command.ID, err)
		if reply.Error.Code == push.CodeUnavailable {
			h.Logger.WarnContext(ctx, "command not carried out", "verb", command.Verb, "command_id", command.ID, "error", err)
		}
		return reply
	}
	outcome.CommandID = command.ID
	return success(command.Verb, outcome)
}

// carryOut sees to it that no other command of the same id comes between.
func (h *Handler) carryOut(ctx context.Context, command Command, metadata eventstore.Metadata) (ledger.Outcome, error) {
	id := identifier{metadata.Actor, metadata.CommandID}
	if err := h.once.enter(ctx, id); err != nil {
		return ledger.Outcome{}, err
	}
	defer h.once.leave(id)
	outcome, err := h.dispatch(ctx, command, metadata)
	if err == nil && outcome.CommandID != "" { // it has changed something
		h.once.done(id, outcome)
	}
	return outcome, err
}

// identify gives the command its id and the hash that tells a repetition from another
// command of the same id. Two bodies that are the same JSON are the same body.
func identify(command *Command) (eventstore.Metadata, error) {
	if command.ID == "" {
		command.ID = uuid.Must(uuid.NewV7()).String()
	}
	id, err := uuid.Parse(command.ID)
	if err != nil || len(command.ID) != 36 {
		return eventstore.Metadata{}, push.Refuse(push.CodeInvalidCommandID, "")
	}
	command.ID = id.String()
	if !idPattern.MatchString(command.Account) {
		return eventstore.Metadata{}, push.Refuse(push.CodeInvalidAccount, "")
	}
	if len(command.Body) > maxBody {
		return eventstore.Metadata{}, push.Refuse(push.CodeTooLarge, "")
	}
	canonical := jsontext.Value(slices.Clone(command.Body))
	if err := canonical.Canonicalize(); err != nil {
		return eventstore.Metadata{}, push.Refuse(push.CodeInvalidJSON, "")
	}
	sum := sha256.Sum256([]byte(command.Account + "\n" + command.Verb + "\n" + string(canonical)))
	return eventstore.Metadata{
		CommandID: command.ID, CommandHash: hex.EncodeToString(sum[:]),
		Actor: command.Account, Traceparent: command.Traceparent,
	}, nil
}

func (h *Handler) dispatch(ctx context.Context, command Command, metadata eventstore.Metadata) (ledger.Outcome, error) {
	switch command.Verb {
	case verbOffer:
		return h.offer(ctx, command, metadata)
	case verbAccept:
		return h.accept(ctx, command, metadata)
	case verbWithdraw:
		var body withdrawBody
		if err := decode(command.Body, &body); err != nil {
			return ledger.Outcome{}, err
		}
		return h.decide(ctx, metadata, body.PushID, func(state push.State) ([]push.Event, error) {
			return push.DecideWithdraw(state, push.Withdraw{Actor: command.Account}, h.Now())
		})
	case verbDecline:
		body, err := decodeReason(command.Body, false)
		if err != nil {
			return ledger.Outcome{}, err
		}
		return h.decide(ctx, metadata, body.PushID, func(state push.State) ([]push.Event, error) {
			return push.DecideDecline(state, push.Decline{Actor: command.Account, Reason: body.Reason}, h.Now())
		})
	case verbTakedown:
		body, err := decodeReason(command.Body, true)
		if err != nil {
			return ledger.Outcome{}, err
		}
		return h.decide(ctx, metadata, body.PushID, func(state push.State) ([]push.Event, error) {
			if !h.operator(command.Account) {
				return nil, push.Refuse(push.CodeNotYourPush, "")
			}
			return push.DecideTakedown(state, push.Takedown{Actor: command.Account, Reason: body.Reason}, h.Now())
		})
	case verbRetry:
		return h.retry(ctx, command, metadata)
	case verbSettle:
		return h.settleByHand(ctx, command, metadata)
	default:
		return ledger.Outcome{}, push.Refuse(push.CodeUnknownVerb, "")
	}
}

func decodeReason(data []byte, needed bool) (reasonBody, error) {
	var body reasonBody
	if err := decode(data, &body); err != nil {
		return body, err
	}
	return body, checkReason(body.Reason, needed)
}

// offer publishes a push. The registrar and the directory are asked before the log is
// read, so the log is as fresh as can be when the decision falls.
func (h *Handler) offer(ctx context.Context, command Command, metadata eventstore.Metadata) (ledger.Outcome, error) {
	var body offerBody
	if err := decode(command.Body, &body); err != nil {
		return ledger.Outcome{}, err
	}
	offer, err := body.offer(command.Account)
	if err != nil {
		return ledger.Outcome{}, h.everyViolation(ctx, offer, err)
	}
	if offer.PushID == "" {
		offer.PushID = derivedPushID(command)
	}
	if err := h.once.check(ctx, metadata, offer.PushID); err != nil {
		return ledger.Outcome{}, err
	}
	facts, err := h.offerFacts(ctx, offer)
	if err != nil { // what was done before can be said without the partners
		return h.offeredBefore(ctx, offer.PushID, metadata, err)
	}
	var replayed ledger.Outcome
	outcome, err := h.Ledger.Offer(ctx, metadata, offer.PushID, names(offer.Items),
		func(current ledger.Push, held map[domainname.Name]string) ([]push.Event, error) {
			if current.State.Status != push.StatusNone {
				var err error
				if replayed, err = repeated(current, metadata, push.Refuse(push.CodePushExists, "")); err != nil {
					return nil, err
				}
				return nil, errReplayed
			}
			now := h.Now()
			offer.FeeRate, facts.HeldBy = h.Fees.RateAt(now), held
			return push.DecideOffer(current.State, offer, facts, now)
		})
	return h.settle(ctx, metadata, offer.PushID, outcome, replayed, err)
}

// everyViolation adds to the refusal of malformed items what is wrong with the others,
// so that the seller learns of everything at once.
func (h *Handler) everyViolation(ctx context.Context, offer push.Offer, malformed error) error {
	var refusal *push.Refusal
	if !errors.As(malformed, &refusal) || len(refusal.Violations) == 0 || len(offer.Items) == 0 {
		return malformed
	}
	facts, err := h.offerFacts(ctx, offer)
	if err == nil {
		facts.HeldBy, err = h.Ledger.Holders(ctx, names(offer.Items))
	}
	if err != nil {
		return malformed // it is refused whatever the partners would have said
	}
	now := h.Now()
	_, err = push.DecideOffer(push.State{}, offer, facts, now)
	var others *push.Refusal
	if !errors.As(err, &others) {
		return malformed
	}
	all := slices.Clone(refusal.Violations)
	for _, violation := range others.Violations {
		switch violation.Rule {
		case "B3", "T8", "T11": // of the list and its sum, which are not whole here
		default:
			all = append(all, violation)
		}
	}
	return push.RefuseAll(all)
}

// offeredBefore answers an offer that cannot be decided now: with what it did, if it
// was carried out before.
func (h *Handler) offeredBefore(ctx context.Context, id string, metadata eventstore.Metadata, otherwise error) (ledger.Outcome, error) {
	known, err := h.Ledger.Load(ctx, id)
	if err != nil {
		return ledger.Outcome{}, errors.Join(otherwise, err)
	}
	return repeated(known, metadata, otherwise)
}

// offerFacts asks the registrar and the directory at the same time.
func (h *Handler) offerFacts(ctx context.Context, offer push.Offer) (push.OfferFacts, error) {
	facts := push.OfferFacts{CheckedAt: h.Now()}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) { facts.Seller, err = h.Directory.Account(ctx, offer.Seller); return err })
	group.Go(func() (err error) { facts.Buyer, err = h.Directory.Account(ctx, offer.Buyer); return err })
	domains, err := h.Registrar.Facts(ctx, names(offer.Items))
	facts.Domains = domains
	return facts, errors.Join(err, group.Wait())
}

// accept starts a purchase.
func (h *Handler) accept(ctx context.Context, command Command, metadata eventstore.Metadata) (ledger.Outcome, error) {
	var body acceptBody
	if err := decode(command.Body, &body); err != nil {
		return ledger.Outcome{}, err
	}
	total, code := parsePrice(body.Total)
	if code != "" {
		return ledger.Outcome{}, push.Refuse(code, "total")
	}
	accept := push.Accept{Actor: command.Account, Total: total, Window: h.Window}
	if err := checkPushID(body.PushID); err != nil {
		return ledger.Outcome{}, err
	}
	if err := h.once.check(ctx, metadata, body.PushID); err != nil {
		return ledger.Outcome{}, err
	}
	// The registrar is asked only for who may accept. That may rest on what is in
	// memory; a no may not.
	known, err := h.Ledger.Recent(ctx, body.PushID, 0)
	if err == nil && h.acceptable(known, accept, metadata, h.Now()) != nil {
		known, err = h.Ledger.Load(ctx, body.PushID)
	}
	if err != nil {
		return ledger.Outcome{}, err
	}
	if done, found := known.Command(metadata.CommandID); found && h.sees(known.State, command.Account) {
		return sameCommand(done, metadata)
	}
	if err := h.acceptable(known, accept, metadata, h.Now()); err != nil {
		return ledger.Outcome{}, err
	}
	facts, err := h.Registrar.Facts(ctx, known.State.Domains())
	if err != nil {
		return ledger.Outcome{}, err
	}
	return h.decide(ctx, metadata, body.PushID, func(state push.State) ([]push.Event, error) {
		events, err := push.DecideAccept(state, accept, facts, nil, h.Now()) // a live push itself holds its domains
		if err != nil {
			return nil, err
		}
		return h.withPayURL(state, events)
	})
}

// withPayURL adds the signed page on which the buyer pays, which only the provider's
// adapter can make.
func (h *Handler) withPayURL(state push.State, events []push.Event) ([]push.Event, error) {
	for i, event := range events {
		accepted, is := event.(push.Accepted)
		if !is || accepted.TradeNo == "" {
			continue
		}
		url, err := h.Provider.PayURL(payment.Order{
			TradeNo: accepted.TradeNo, PushID: state.ID, Amount: accepted.Total,
			Subject: "域名带价 push " + state.ID, PayBy: accepted.PayBy,
		})
		if err != nil {
			return nil, err
		}
		accepted.PayURL = url
		events[i] = accepted
	}
	return events, nil
}

// decide carries out a command about an existing push that the account may see.
func (h *Handler) decide(
	ctx context.Context, metadata eventstore.Metadata, id string, decide func(push.State) ([]push.Event, error),
) (ledger.Outcome, error) {
	if err := checkPushID(id); err != nil {
		return ledger.Outcome{}, err
	}
	if err := h.once.check(ctx, metadata, id); err != nil {
		return ledger.Outcome{}, err
	}
	var replayed ledger.Outcome
	outcome, err := h.Ledger.Decide(ctx, metadata, id, func(current ledger.Push) ([]push.Event, error) {
		if !h.sees(current.State, metadata.Actor) {
			return nil, push.Refuse(push.CodePushNotFound, "")
		}
		if done, found := current.Command(metadata.CommandID); found {
			var err error
			if replayed, err = sameCommand(done, metadata); err != nil {
				return nil, err
			}
			return nil, errReplayed
		}
		return decide(current.State)
	})
	return h.settle(ctx, metadata, id, outcome, replayed, err)
}

// settle turns what the ledger said into the command's outcome. When the log did not
// say what became of the append, the push is read once more: the command is in it, or
// it is safe to try again.
func (h *Handler) settle(
	ctx context.Context, metadata eventstore.Metadata, id string, outcome, replayed ledger.Outcome, err error,
) (ledger.Outcome, error) {
	switch {
	case errors.Is(err, errReplayed):
		return replayed, nil
	case errors.Is(err, eventstore.ErrUnavailable):
		known, loadErr := h.Ledger.Load(ctx, id)
		if loadErr != nil {
			return ledger.Outcome{}, errors.Join(err, loadErr)
		}
		if done, found := known.Command(metadata.CommandID); found {
			return sameCommand(done, metadata)
		}
	}
	return outcome, err
}

// acceptable reports why an account may not accept a push now, as far as the push alone
// tells.
func (h *Handler) acceptable(known ledger.Push, accept push.Accept, metadata eventstore.Metadata, now time.Time) error {
	if !h.sees(known.State, metadata.Actor) {
		return push.Refuse(push.CodePushNotFound, "")
	}
	return push.CheckAccept(known.State, accept, now)
}

func (h *Handler) sees(state push.State, account string) bool {
	return state.Status != push.StatusNone &&
		(account == state.Seller || account == state.Buyer || h.operator(account))
}

func (h *Handler) operator(account string) bool { return h.Operator(account) }

// repeated answers an offer of a push that exists: the same answer again if this very
// command made it.
func repeated(known ledger.Push, metadata eventstore.Metadata, otherwise error) (ledger.Outcome, error) {
	if done, found := known.Command(metadata.CommandID); found {
		return sameCommand(done, metadata)
	}
	return ledger.Outcome{}, otherwise
}

func sameCommand(done ledger.Outcome, metadata eventstore.Metadata) (ledger.Outcome, error) {
	if done.CommandHash != metadata.CommandHash {
		return ledger.Outcome{}, push.Refuse(push.CodeCommandIDReused, "")
	}
	return done, nil
}

// derivedPushID names a push whose offer has no id of its own, so that the same
// command always means the same push.
func derivedPushID(command Command) string {
	return uuid.NewSHA1(uuid.NameSpaceOID, []byte("push\n"+command.Account+"\n"+command.ID)).String()
}

func names(items []push.Item) []domainname.Name {
	list := make([]domainname.Name, len(items))
	for i, item := range items {
		list[i] = item.Domain
	}
	return list
}
