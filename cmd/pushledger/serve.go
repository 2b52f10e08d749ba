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

// byConfirmation is a value of --settlement.
const byConfirmation = "confirm"

type serveCommand struct {
	Data               string        `help:"Directory of everything that is kept." default:"data" type:"path"`
	NATSListen         string        `name:"nats-listen" help:"Address for NATS clients; port 0 picks a free one." default:"127.0.0.1:4222"`
	HTTPListen         string        `name:"http-listen" help:"Address for HTTP clients; port 0 picks a free one." default:"127.0.0.1:8080"`
	Sync               string        `help:"When an acknowledged command has reached the disk: always (at once) or interval." enum:"always,interval" default:"always"`
	PaymentWindow      time.Duration `help:"How long an accepted push may take to be paid: 2m to 336h, less in a sandbox." default:"30m"`
	RequireBoundPayer  bool          `help:"Demand that a buyer pays from the Alipay account that the directory knows as its own; money from another goes back (T6)."`
	Settlement         string        `help:"How sellers are paid from now on: by transfers out of the platform's account, or by confirming trades that Alipay keeps for the seller (直付通), for which every seller needs its number as a merchant there (T7)." enum:"transfer,confirm" default:"transfer"`
	SourcesPatience    time.Duration `help:"How long Alipay is asked for the sources of a payment before an operator is (T6); 10m if not given, in the sandbox 10s."`
	ReconcileDaily     string        `help:"When, in Alipay's time, the journal is held against Alipay's bills of the days before, such as 10:30; they are there by ten o'clock. Not at all if empty." placeholder:"HH:MM"`
	PayoutLimitPerson  string        `help:"The most that Alipay pays out at once to a person (T11); 0 for none." default:"50000.00"`
	PayoutLimitCompany string        `help:"The most that Alipay pays out at once to a company (T11); 0 for none." default:"100000.00"`
	CommandRate        float64       `help:"Commands a second that one account may send in the long run." default:"500"`
	CommandBurst       int           `help:"Commands that one account may send at once." default:"1000"`
	ReadyFile          string        `help:"File to write, as JSON, once the service answers." type:"path"`
	FeeSchedule        string        `help:"JSON file of fee rates and the instants from which they hold." type:"existingfile"`
	LogLevel           string        `help:"What to log: debug, info, warn or error." enum:"debug,info,warn,error" default:"info"`

	TLSCert     string `name:"tls-cert" help:"PEM file of the service's TLS certificate and its chain; both doors speak TLS then. It may be replaced while the service runs." type:"existingfile"`
	TLSKey      string `name:"tls-key" help:"PEM file of its key." type:"existingfile"`
	TLSClientCA string `name:"tls-client-ca" help:"PEM file of certificate authorities; clients must show a certificate of one of them." type:"existingfile"`

	TransparencyDir string `help:"Directory of the Merkle tree and of the second copy of every event, best on another disk; transparency in the data directory if empty." type:"path"`
	CheckpointKey   string `help:"File with the key that signs checkpoints, made if there is none; checkpoint.key in the data directory if empty." type:"path"`

	Sandbox          bool   `help:"Run registrar, account directory and Alipay as a sandbox in this process."`
	SandboxInventory string `help:"JSON file of the sandbox's accounts and domains." type:"existingfile"`

	roleFlags
	profileFlags
	issuerFlags
	TokenLife time.Duration `help:"How long from now a token may still be good; a longer one is refused. 0: for ever, as in the sandbox." default:"24h"`

	alipayFlags
}

// Run serves until the process is told to stop.
func (c *serveCommand) Run(ctx context.Context, screen *terminal) error {
	if c.Roles == rolesSandbox {
		return c.runSandbox(ctx, screen)
	}
	config, err := c.config(screen.err)
	if err != nil {
		return err
	}
	signal.Ignore(syscall.SIGHUP) // it asks for files to be read again, which they are when they change
	return c.profiled(ctx, func(ctx context.Context) error {
		return app.Run(ctx, config, func(at app.Ready) {
			fmt.Fprintf(screen.err, "pushledger %s answers at %s and %s\n", version, at.NATSURL, at.HTTPURL)
		})
	})
}

// Alipay takes orders that last a minute to 15 days when their page is first opened. That takes
// a moment, and its clock is not ours.
const (
	shortestWindow = 2 * time.Minute
	longestWindow  = 14 * 24 * time.Hour
)

// checkWindow checks that Alipay would take orders over the payment window. A sandbox takes
// shorter ones as well, for who waits for their end.
func (c *serveCommand) checkWindow() error {
	switch {
	case c.PaymentWindow <= 0:
		return fmt.Errorf("%w: --payment-window must be above 0", errUsage)
	case c.PaymentWindow > longestWindow, c.PaymentWindow < shortestWindow && !c.Sandbox:
		return fmt.Errorf("%w: --payment-window must be %s to %s, as Alipay takes no other order", errUsage, shortestWindow, longestWindow)
	default:
		return nil
	}
}

func (c *serveCommand) logger(log io.Writer) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		return nil, err
	}
	return slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: level})), nil
}

func (c *serveCommand) config(log io.Writer) (app.Config, error) {
	logger, err := c.logger(log)
	if err != nil {
		return app.Config{}, err
	}
	if c.LedgerNATSURL != "" || c.LedgerTokenFile != "" {
		return app.Config{}, fmt.Errorf("%w: --ledger-nats-url and --ledger-token-file belong to --roles %s", errUsage, rolesSandbox)
	}
	config := app.Config{
		Data: c.Data, NATSListen: c.NATSListen, HTTPListen: c.HTTPListen, SyncAlways: c.Sync == "always",
		PaymentWindow: c.PaymentWindow, SourcesPatience: c.SourcesPatience, OwnAccount: c.RequireBoundPayer, ByMerchant: c.Settlement == byConfirmation, Limit: commands.Limit{PerSecond: c.CommandRate, Burst: c.CommandBurst}, ReadyFile: c.ReadyFile, Version: version,
		TransparencyDir: c.TransparencyDir, CheckpointKey: c.CheckpointKey,
		Logger:  logger,
		TLS:     certificate.Files{Certificate: c.TLSCert, Key: c.TLSKey, ClientCA: c.TLSClientCA},
		Sandbox: c.Sandbox, Inventory: c.SandboxInventory,
		TokenIssuer: c.issuer(), TokenKeys: c.TokenKeys, TokenKeysURL: c.TokenKeysURL, TokenLife: c.TokenLife,
	}
	if err := c.checkWindow(); err != nil {
		return config, err
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
	if c.ReconcileDaily != "" {
		at, err := time.Parse("15:04", c.ReconcileDaily)
		if err != nil {
			return config, fmt.Errorf("%w: --reconcile-daily %.20q is no time of a day such as 10:30", errUsage, c.ReconcileDaily)
		}
		after := time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute
		config.Reconcile = &after
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
	if err := c.checkScene(config.ByMerchant); err != nil {
		return config, err
	}
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
	Role    string        `help:"What the account may do: trader, operator, auditor or service." enum:"trader,operator,auditor,service" default:"trader"`
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
