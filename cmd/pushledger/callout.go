package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/callout"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/client"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/identity"
)

// issuerFlags say whose tokens are good.
type issuerFlags struct {
	TokenIssuer  string `help:"The token issuer's name, \"iss\" in its tokens; pushledger if empty."`
	TokenKeys    string `help:"File with the public keys of the token issuer, as PEM or as a JWK set; read again when they change." type:"path"`
	TokenKeysURL string `name:"token-keys-url" help:"Address of the token issuer's JWK set, instead of a file: https, or http on this machine."`
}

func (f issuerFlags) given() bool { return f != issuerFlags{} }

func (f issuerFlags) issuer() string {
	if f.TokenIssuer == "" {
		return "pushledger"
	}
	return f.TokenIssuer
}

// check finds out what is wrong, as far as that can be told without asking at the address.
func (f issuerFlags) checkIssuer(wrong *wrongSettings) {
	if f.issuer() == identity.SandboxIssuer {
		wrong.add("--token-issuer: %s is the issuer of sandboxes, whose tokens are not good here", identity.SandboxIssuer)
	}
	switch source := (identity.Source{File: f.TokenKeys, URL: f.TokenKeysURL}); {
	case (f.TokenKeys == "") == (f.TokenKeysURL == ""):
		wrong.add("one of --token-keys and --token-keys-url is needed without --sandbox")
	case f.TokenKeys != "":
		wrong.join("--token-keys", source.Check())
	default:
		wrong.join("--token-keys-url", source.Check())
	}
}

type calloutCommand struct {
	issuerFlags
	TokenLife time.Duration `help:"How long from now a token may still be good; a longer one is refused. 0: for ever." default:"24h"`
	NATSURL   string        `name:"nats-url" help:"The server whose clients are let in." default:"nats://127.0.0.1:4222"`
	Keys      string        `help:"Directory of the keys by which the server knows this program; made if there are none." default:"callout" type:"path"`
	Account   string        `help:"The server's account into which clients are let." default:"LEDGER"`
	TLSCA     string        `name:"tls-ca" help:"PEM file of certificates to trust instead of the machine's own." type:"existingfile"`
}

// Run lets the clients of a foreign server in until the process is told to stop.
func (c *calloutCommand) Run(ctx context.Context, screen *terminal) error {
	var wrong wrongSettings
	if c.checkIssuer(&wrong); len(wrong) > 0 {
		return wrong
	}
	keys, err := callout.OpenKeys(c.Keys)
	if err != nil {
		return err
	}
	issuer, user, err := keys.Public()
	if err != nil {
		return err
	}
	fmt.Fprintf(screen.err, "the server's configuration must have: auth_callout { issuer: %q, account: AUTH, auth_users: [ %q ] }\n", issuer, user)
	logger := slog.New(slog.NewTextHandler(screen.err, nil))
	verifier, err := identity.OpenVerifier(ctx, c.issuer(), identity.Source{
		File: c.TokenKeys, URL: c.TokenKeysURL, Longest: c.TokenLife, Now: time.Now, Logger: logger,
	})
	if err != nil {
		return err
	}
	conn, err := c.connect(keys)
	if err != nil {
		return err
	}
	defer conn.Close()
	return callout.Serve(ctx, conn, callout.Config{Verify: verifier.Verify, Issuer: keys.Issuer, Account: c.Account, Logger: logger})
}

func (c *calloutCommand) connect(keys callout.Keys) (*nats.Conn, error) {
	key, err := nats.NkeyOptionFromSeed(keys.UserFile)
	if err != nil {
		return nil, fmt.Errorf("callout: %w", err)
	}
	options := []nats.Option{key, nats.Name("pushledger callout"), nats.MaxReconnects(-1)}
	if c.TLSCA != "" {
		options = append(options, nats.RootCAs(c.TLSCA))
	}
	conn, err := nats.Connect(c.NATSURL, options...)
	if err != nil {
		return nil, errors.Join(client.ErrUnreachable, err)
	}
	return conn, nil
}
