package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/schollz/progressbar/v3"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/app"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/audit"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/client"
)

// auditCommand are the checks that trust nothing the service says.
type auditCommand struct {
	Verify    auditVerifyCommand  `cmd:"" help:"Re-read every event and hold it against what was signed and against the rules."`
	Export    auditExportCommand  `cmd:"" help:"Write a bundle that can be verified with no server at hand."`
	Prove     auditProveCommand   `cmd:"" help:"Prove that the events of a push are in the signed log."`
	Replay    auditReplayCommand  `cmd:"" help:"Rebuild state from the log alone."`
	Diff      auditDiffCommand    `cmd:"" help:"Rebuild the read models aside and compare them with the served ones."`
	Reconcile reconcileCommand    `cmd:"" help:"Hold the journal against Alipay's bills."`
	Restore   auditRestoreCommand `cmd:"" help:"Rebuild a damaged log of a stopped service from its second copy."`
}

// auditFlags say which ledger is audited: a running one, or a stopped one by its data
// directory.
type auditFlags struct {
	targetFlags
	Data            string `help:"Data directory of a service that is stopped." type:"existingdir"`
	TransparencyDir string `help:"Its directory of tiles, if that is not in the data directory." type:"existingdir"`
	Key             string `help:"Public key of the log, or a file with it. Without it the ledger's own word is taken for whose it is."`
}

// open opens the ledger; close it afterwards.
func (f auditFlags) open(ctx context.Context) (audit.Ledger, func() error, error) {
	if f.Data != "" && (f.ReadyFile != "" || f.NATSURL != "" || f.HTTPURL != "") {
		return nil, nil, fmt.Errorf("%w: give --data for a stopped service, or the address of a running one, not both", errUsage)
	}
	if f.Data != "" {
		stopped, err := audit.OpenStopped(ctx, f.Data, cmp.Or(f.TransparencyDir, app.TransparencyDir(f.Data)))
		if err != nil {
			return nil, nil, err
		}
		return stopped, stopped.Close, nil
	}
	speaker, err := f.client()
	if err != nil {
		return nil, nil, err
	}
	conn, err := speaker.NATS()
	if err != nil {
		return nil, nil, err
	}
	return audit.NewRemote(conn, speaker.Account()), func() error { speaker.Close(); return nil }, nil
}

// client speaks as the auditor of a sandbox unless the user wants somebody else.
func (f auditFlags) client() (*client.Client, error) {
	if f.ReadyFile != "" && f.As == "" && f.Token == "" && f.TokenFile == "" {
		f.As = "auditor"
	}
	return f.targetFlags.client()
}

// signed reads what was signed, by the key that the user trusts. A running service is
// given the moment that it needs to sign what is there already.
func (f auditFlags) signed(ctx context.Context, screen *terminal, log audit.Ledger) (*audit.Signed, error) {
	key, err := keyText(f.Key)
	if err != nil {
		return nil, err
	}
	if key == "" {
		fmt.Fprintln(screen.err, "note: without --key it is the ledger itself that says which key is its own")
	}
	if f.Data != "" {
		return audit.ReadSigned(ctx, log, key)
	}
	return audit.AwaitSigned(ctx, log, key)
}

// keyText is the key itself, or what is in the file that is named instead.
func keyText(key string) (string, error) {
	if key == "" || strings.Count(key, "+") >= 2 {
		return key, nil
	}
	text, err := os.ReadFile(key) //nolint:gosec // the user names the file
	if err != nil {
		return "", fmt.Errorf("%w: --key is neither a public key nor a file: %w", errUsage, err)
	}
	return strings.TrimSpace(string(text)), nil
}

// follow draws a progress bar, if anybody looks, for work on so many events.
func follow(screen *terminal, what string) (func(sequence, last uint64), func()) {
	var bar *progressbar.ProgressBar
	const every = 1000 // drawing is slower than what it shows
	return func(sequence, last uint64) {
			if bar == nil {
				bar = screen.progress(int(last)) // #nosec G115 -- for show
				bar.Describe(what)
			}
			if sequence%every == 0 {
				_ = bar.Set64(int64(sequence)) // #nosec G115,G104 -- for show
			}
		}, func() {
			if bar != nil {
				_ = bar.Finish()
			}
		}
}

// audited opens a ledger for a command and closes it again.
func (f auditFlags) audited(ctx context.Context, work func(audit.Ledger) error) (err error) {
	log, closeLog, err := f.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeLog()) }()
	return work(log)
}
