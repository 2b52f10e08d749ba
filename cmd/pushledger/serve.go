package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/app"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/certificate"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/commands"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/identity"
)

type serveCommand struct {
	Data               string        `help:"Directory of everything that is kept." default:"data" type:"path"`
	NATSListen         string        `name:"nats-listen" help:"Address for NATS clients; port 0 picks a free one." default:"127.0.0.1:4222"`
	HTTPListen         string        `name:"http-listen" help:"Address for HTTP clients; port 0 picks a free one." default:"127.0.0.1:8080"`
	Sync               string        `help:"When an acknowledged command has reached the disk." enum:"always,interval" default:"always"`
	PaymentWindow      time.Duration `help:"How long an accepted push may take to be paid." default:"30m"`
	RequireBoundPayer  bool          `help:"Demand that a buyer pays from the Alipay account that the directory knows as its own; money from another goes back (T6)."`
	SourcesPatience    time.Duration `help:"How long Alipay is asked for the sources of a payment before an operator is (T6); 10m if not given, in the sandbox 10s."`
	PayoutLimitPerson  string        `help:"The most that Alipay pays out at once to a person (T11); 0 for none." default:"50000.00"`
	PayoutLimitCompany string        `help:"The most that Alipay pays out at once to a company (T11); 0 for none." default:"100000.00"`
	CommandRate        float64       `help:"Commands a second that one account may send in the long run." default:"500"`
	CommandBurst       int           `help:"Commands that one account may send at once." default:"1000"`
	ReadyFile          string        `help:"File to write, as JSON, once the service answers." type:"path"`
	FeeSchedule        string        `help:"JSON file of fee rates and the instants from which they hold." type:"existingfile"`
	LogLevel           string        `help:"What to log." enum:"debug,info,warn,error" default:"info"`

	TLSCert     string `name:"tls-cert" help:"PEM file of the service's TLS certificate and its chain; both doors speak TLS then. It may be replaced while the service runs." type:"existingfile"`
	TLSKey      string `name:"tls-key" help:"PEM file of its key." type:"existingfile"`
	TLSClientCA string `name:"tls-client-ca" help:"PEM file of certificate authorities; clients must show a certificate of one of them." type:"existingfile"`

	TransparencyDir string `help:"Directory of the Merkle tree and of the second copy of every event, best on another disk; transparency in the data directory if empty." type:"path"`
	CheckpointKey   string `help:"File with the key that signs checkpoints, made if there is none; checkpoint.key in the data directory if empty." type:"path"`

	Sandbox          bool   `help:"Run registrar, account directory and Alipay as a sandbox in this process."`
	SandboxInventory string `help:"JSON file of the sandbox's accounts and domains." type:"existingfile"`

	issuerFlags
	alipayFlags
}

// Run serves until the process is told to stop.
func (c *serveCommand) Run(ctx context.Context, screen *terminal) error {
	config, err := c.config(screen.err)
	if err != nil {
		return err
	}
	signal.Ignore(syscall.SIGHUP) // it asks for files to be read again, which they are when they change
	return app.Run(ctx, config, func(at app.Ready) {
		fmt.Fprintf(screen.err, "pushledger %s answers at %s and %s\n", version, at.NATSURL, at.HTTPURL)
	})
}

func (c *serveCommand) config(log io.Writer) (app.Config, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		return app.Config{}, err
	}
	config := app.Config{
		Data: c.Data, NATSListen: c.NATSListen, HTTPListen: c.HTTPListen, SyncAlways: c.Sync == "always",
		PaymentWindow: c.PaymentWindow, SourcesPatience: c.SourcesPatience, OwnAccount: c.RequireBoundPayer, Limit: commands.Limit{PerSecond: c.CommandRate, Burst: c.CommandBurst}, ReadyFile: c.ReadyFile, Version: version,
		TransparencyDir: c.TransparencyDir, CheckpointKey: c.CheckpointKey,
		Logger:  slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: level})),
		TLS:     certificate.Files{Certificate: c.TLSCert, Key: c.TLSKey, ClientCA: c.TLSClientCA},
		Sandbox: c.Sandbox, Inventory: c.SandboxInventory,
		TokenIssuer: c.issuer(), TokenKeys: c.TokenKeys, TokenKeysURL: c.TokenKeysURL,
	}
	if c.PaymentWindow <= 0 {
		return config, fmt.Errorf("%w: --payment-window must be above 0", errUsage)
	}
	if c.CommandRate <= 0 || c.CommandBurst < 1 {
		return config, fmt.Errorf("%w: --command-rate must be above 0 and --command-burst at least 1", errUsage)
	}
	if (c.TLSCert == "") != (c.TLSKey == "") || c.TLSClientCA != "" && c.TLSCert == "" {
		return config, fmt.Errorf("%w: --tls-cert and --tls-key belong together, and --tls-client-ca needs both", errUsage)
	}
	var limits [2]error
	config.PayoutLimits.Person, limits[0] = money.Parse(c.PayoutLimitPerson)
	config.PayoutLimits.Company, limits[1] = money.Parse(c.PayoutLimitCompany)
	if err := errors.Join(limits[:]...); err != nil {
		return config, fmt.Errorf("%w: --payout-limit-person and --payout-limit-company are amounts in yuan: %w", errUsage, err)
	}
	if err := c.readFees(&config); err != nil {
		return config, err
	}
	if c.Sandbox {
		if c.given() {
			return config, fmt.Errorf("%w: a sandbox takes its own tokens only: no --token-issuer, --token-keys or --token-keys-url with --sandbox", errUsage)
		}
		return config, nil
	}
	if err := c.check(); err != nil {
		return config, err
	}
	var err error
	config.Alipay, err = c.alipayConfig()
	return config, err
}

func (c *serveCommand) readFees(config *app.Config) error {
	if c.FeeSchedule == "" {
		return nil
	}
	text, err := os.ReadFile(c.FeeSchedule)
	if err != nil {
		return err
	}
	var fees push.FeeSchedule
	if err := json.Unmarshal(text, &fees, json.RejectUnknownMembers(true)); err != nil {
		return fmt.Errorf("fee schedule %s: %w", c.FeeSchedule, err)
	}
	config.Fees = fees
	return nil
}

type tokenCommand struct {
	Data    string        `help:"Directory of the sandbox." default:"data" type:"existingdir"`
	Account string        `help:"Account id." required:""`
	Role    string        `help:"What the account may do." enum:"trader,operator,auditor,service" default:"trader"`
	Life    time.Duration `help:"How long the token is good." default:"24h"`
}

// Run prints a token.
func (c *tokenCommand) Run(screen *terminal) error {
	issuer, err := identity.OpenIssuer(app.SandboxIssuer(c.Data))
	if err != nil {
		return err
	}
	token, err := issuer.Mint(c.Account, identity.Role(c.Role), c.Life)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(screen.out, token)
	return err
}
