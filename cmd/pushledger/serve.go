package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os/signal"
	"syscall"
	"time"

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
	FeeSchedule        string        `help:"JSON file of fee rates and the instants from which they hold." type:"path"`
	LogLevel           string        `help:"What to log: debug, info, warn or error." enum:"debug,info,warn,error" default:"info"`

	TLSCert     string `name:"tls-cert" help:"PEM file of the service's TLS certificate and its chain; both doors speak TLS then. It may be replaced while the service runs." type:"path"`
	TLSKey      string `name:"tls-key" help:"PEM file of its key." type:"path"`
	TLSClientCA string `name:"tls-client-ca" help:"PEM file of certificate authorities; clients must show a certificate of one of them." type:"path"`

	TransparencyDir string `help:"Directory of the Merkle tree and of the second copy of every event, best on another disk; transparency in the data directory if empty." type:"path"`
	CheckpointKey   string `help:"File with the key that signs checkpoints, made if there is none; checkpoint.key in the data directory if empty." type:"path"`

	Sandbox          bool   `help:"Run registrar, account directory and Alipay as a sandbox in this process."`
	SandboxInventory string `help:"JSON file of the sandbox's accounts and domains." type:"path"`

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
	var wrong wrongSettings
	c.checkDoors(&wrong)
	c.checkNumbers(&wrong)
	config.Fees = c.readFees(&wrong)
	config.PayoutLimits, config.Reconcile = c.readLimits(&wrong), c.readReconcile(&wrong)
	if c.Sandbox {
		c.checkSandbox(&wrong)
	} else {
		c.checkIssuer(&wrong)
		c.checkScene(config.ByMerchant, &wrong)
		config.Alipay = c.alipayConfig(&wrong)
	}
	if len(wrong) > 0 {
		return config, wrong
	}
	return config, nil
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
