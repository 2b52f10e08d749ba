package main

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/app"
)

// rolesSandbox is --roles of a process that is the partners of another one.
const rolesSandbox = "sandbox"

// roleFlags say which part of the service a process is.
type roleFlags struct {
	Roles           string `help:"What this process is: all of the service, or the partners of another one (sandbox), which --ledger-nats-url names." enum:"all,sandbox" default:"all"`
	LedgerNATSURL   string `name:"ledger-nats-url" help:"With --roles sandbox: NATS address of the service whose partners these are."`
	LedgerTokenFile string `help:"With --roles sandbox: file with a token of that service's issuer, with the role partner." type:"existingfile"`
}

// runSandbox serves the partners of another service until the process is told to stop.
func (c *serveCommand) runSandbox(ctx context.Context, screen *terminal) error {
	config, err := c.sandboxConfig(screen)
	if err != nil {
		return err
	}
	return app.RunSandbox(ctx, config, func(at app.Ready) {
		fmt.Fprintf(screen.err, "pushledger %s: the sandbox's Alipay answers at %s, its controls at %s\n", version, at.HTTPURL, at.NATSURL)
	})
}

func (c *serveCommand) sandboxConfig(screen *terminal) (app.Config, error) {
	if c.Sandbox || c.given() || c.TLSCert != "" || len(c.missing()) < len((alipayFlags{}).missing()) {
		return app.Config{}, fmt.Errorf("%w: --roles sandbox is the partners alone: no --sandbox, --token-…, --tls-… or --alipay-… with it", errUsage)
	}
	if c.LedgerNATSURL == "" || c.LedgerTokenFile == "" {
		return app.Config{}, fmt.Errorf("%w: --roles sandbox needs --ledger-nats-url and --ledger-token-file", errUsage)
	}
	if _, err := url.Parse(c.LedgerNATSURL); err != nil {
		return app.Config{}, fmt.Errorf("%w: --ledger-nats-url: %w", errUsage, err)
	}
	token, err := readSecret(c.LedgerTokenFile)
	if err != nil {
		return app.Config{}, err
	}
	logger, err := c.logger(screen.err)
	return app.Config{
		Data: c.Data, NATSListen: c.NATSListen, HTTPListen: c.HTTPListen, ReadyFile: c.ReadyFile, Version: version, Logger: logger,
		Inventory: c.SandboxInventory, LedgerNATS: c.LedgerNATSURL, LedgerToken: strings.TrimSpace(token),
	}, err
}
