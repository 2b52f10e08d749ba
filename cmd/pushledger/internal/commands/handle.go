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
	Window    time.Duration // how long a payment may take (rule L5)
	// OwnAccount demands that a buyer pays from its own Alipay account (rule T6).
	OwnAccount bool
	// ByMerchant pays sellers by confirming trades that are made for them: every seller needs
	// its number as a merchant at Alipay (rule T7).
	ByMerchant bool
	Limits     push.PayoutLimits         // rule T11
	Fees       push.FeeSchedule          // rule T2
	Operator   func(account string) bool // whether it may take pushes down (rule I8), by the role that it connected with
	// Origin tells the addresses from which an account is connected; nil where nobody
	// knows. It is asked about operators only.
	Origin func(account string) string
	// Alarmed reports whether a payout or refund is put off until somebody has seen to what the
	// provider says; nil where nobody knows. Only such a one can be retried while it is under way.
	Alarmed func(pushID string, step push.Step) bool
	Index   Index
	// PushIDKey is the secret from which the ids follow that the service gives to pushes. With
	// another one a command of the past is only found by the Index.
	PushIDKey []byte
	Logger    *slog.Logger
}

// Handler decides commands. It is safe for concurrent use.
type Handler struct {
	Config
	idempotency *idempotency
}

// NewHandler returns a handler that has seen no command.
func NewHandler(config Config) *Handler {
	return &Handler{Config: config, idempotency: newIdempotency(config.Index)}
}

// Command is one command as it came in.
type Command struct {
	Account     string // the actor, vouched for by the server
	Verb        string
	ID          string // Command-Id header; may be empty
	Origin      string // where an operator's command comes from; empty for everybody else
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
	if err := h.idempotency.enter(ctx, id); err != nil {
		return ledger.Outcome{}, err
	}
	defer h.idempotency.leave(id)
	outcome, err := h.dispatch(ctx, command, metadata)
	if err == nil && outcome.CommandID != "" { // it has changed something
		h.idempotency.done(id, outcome)
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
		Actor: command.Account, Traceparent: command.Traceparent, Origin: command.Origin,
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

// decide carries out a command about an existing push that the account may see.
func (h *Handler) decide(
	ctx context.Context, metadata eventstore.Metadata, id string, decide func(push.State) ([]push.Event, error),
) (ledger.Outcome, error) {
	if err := checkPushID(id); err != nil {
		return ledger.Outcome{}, err
	}
	if err := h.idempotency.check(ctx, metadata, id); err != nil {
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
			outcome, err = sameCommand(done, metadata)
			outcome.Repeated = false // it was this time
		}
	}
	return outcome, err
}

func (h *Handler) sees(state push.State, account string) bool {
	return state.Status != push.StatusNone &&
		(account == state.Seller || account == state.Buyer || h.operator(account))
}

// byOperator reports whether a command is one of those that only operators may give, and
// comes from one.
func (h *Handler) byOperator(command Command) bool {
	switch command.Verb {
	case verbTakedown, verbRetry, verbSettle:
		return h.operator(command.Account)
	default:
		return false
	}
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
	done.Repeated = true
	return done, nil
}
