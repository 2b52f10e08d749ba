// Package callout lets the tokens of the ledger open a NATS server that is not its own: it
// answers the server's auth callout. What it guarantees: whoever it lets in has the
// permissions of the table in package access, in one account of that server, until the
// token expires; everybody else is refused, and while nobody answers nobody gets in.
package callout

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/access"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/identity"
	"github.com/pushledger/pushledger/eventstore/natsserver"
)

// subject is where a server asks. Only the server itself may publish there, in the account
// that its configuration sets aside for that.
const subject = "$SYS.REQ.USER.AUTH"

// waiting is how many questions may wait; more are dropped, and their clients refused.
const waiting = 1024

// Config is what it takes; every field.
type Config struct {
	Verify  func(token string) (identity.Identity, error)
	Issuer  nkeys.KeyPair // an account's; the server's configuration names its public key
	Account string        // of the server, into which clients are let
	Logger  *slog.Logger
}

// Serve answers on a connection to the server until ctx ends.
func Serve(ctx context.Context, conn *nats.Conn, config Config) error {
	questions := make(chan *nats.Msg, waiting)
	subscription, err := conn.ChanQueueSubscribe(subject, "pushledger", questions)
	if err == nil {
		err = conn.Flush()
	}
	if err != nil {
		return fmt.Errorf("callout: %w", err)
	}
	config.Logger.InfoContext(ctx, "the server's clients are let in", "account", config.Account)
	for {
		select {
		case question := <-questions:
			if err := config.answer(question); err != nil {
				config.Logger.WarnContext(ctx, "question of a server not answered", "error", err)
			}
		case <-ctx.Done():
			if err := subscription.Unsubscribe(); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
				return fmt.Errorf("callout: %w", err)
			}
			return nil
		}
	}
}

func (c Config) answer(question *nats.Msg) error {
	asked, err := jwt.DecodeAuthorizationRequestClaims(string(question.Data))
	if err != nil {
		return fmt.Errorf("callout: question: %w", err)
	}
	answer := jwt.NewAuthorizationResponseClaims(asked.UserNkey)
	answer.Audience = asked.Server.ID
	if answer.Jwt, err = c.admit(asked); err != nil {
		c.Logger.Info("client refused", "from", asked.ClientInformation.Host, "error", err)
		answer.Jwt, answer.Error = "", "not authorized" // why is not for the client
	}
	text, err := answer.Encode(c.Issuer)
	if err == nil {
		err = question.Respond([]byte(text))
	}
	if err != nil {
		return fmt.Errorf("callout: answer: %w", err)
	}
	return nil
}

// admit makes the server's own token for a client that bears one of ours.
func (c Config) admit(asked *jwt.AuthorizationRequestClaims) (string, error) {
	who, err := c.Verify(asked.ConnectOptions.Token)
	if err != nil {
		return "", err
	}
	grant, err := access.Grant(who, false)
	if err != nil {
		return "", err
	}
	user := jwt.NewUserClaims(asked.UserNkey)
	user.Name, user.Audience, user.Expires = grant.Name, c.Account, grant.Expires.Unix()
	user.Pub, user.Sub = permission(grant.Publish), permission(grant.Subscribe)
	user.NatsLimits = jwt.NatsLimits{Subs: natsserver.MaxSubscriptions, Data: jwt.NoLimit, Payload: natsserver.MaxPayload}
	text, err := user.Encode(c.Issuer)
	if err != nil {
		return "", fmt.Errorf("callout: %w", err)
	}
	return text, nil
}

// permission allows the subjects and nothing else. To the server an empty list of allowed
// subjects means all of them.
func permission(subjects []string) jwt.Permission {
	if len(subjects) == 0 {
		return jwt.Permission{Deny: jwt.StringList{">"}}
	}
	return jwt.Permission{Allow: subjects}
}
