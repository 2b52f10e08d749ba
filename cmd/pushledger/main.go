// Command pushledger is the whole of PushLedger: the service, the demo and the clients.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
	"github.com/mattn/go-isatty"
	"github.com/schollz/progressbar/v3"
)

// version is set when a release is built.
var version = "0.1.0"

type commandLine struct {
	Serve       serveCommand       `cmd:"" help:"Run the whole service."`
	Demo        demoCommand        `cmd:"" help:"Play the scenarios of a file in a sandbox that is thrown away."`
	Offer       offerCommand       `cmd:"" help:"Push domains at a price to one buyer."`
	Withdraw    withdrawCommand    `cmd:"" help:"Take an open offer back."`
	Accept      acceptCommand      `cmd:"" help:"Accept an offer at the total you saw."`
	Decline     declineCommand     `cmd:"" help:"Turn an offer down."`
	Takedown    takedownCommand    `cmd:"" help:"End a push as an operator."`
	Retry       retryCommand       `cmd:"" help:"Have a refused step tried again, as an operator."`
	Settle      settleCommand      `cmd:"" help:"Record that a refused step was done outside, as an operator."`
	Show        showCommand        `cmd:"" help:"Show one push."`
	Facts       factsCommand       `cmd:"" help:"Show what the registrar says of the domains of a push now, and whether it can be accepted."`
	List        listCommand        `cmd:"" help:"List pushes."`
	Timeline    timelineCommand    `cmd:"" help:"Show everything that happened to a push."`
	Domain      domainCommand      `cmd:"" help:"Show the push that holds a domain, and its history."`
	Journal     journalCommand     `cmd:"" help:"Show the double-entry journal or its balances."`
	Statement   statementCommand   `cmd:"" help:"Show what the ledger holds for an account."`
	Watch       watchCommand       `cmd:"" help:"Follow what happens."`
	Projections projectionsCommand `cmd:"" help:"Look at read models and rebuild them."`
	Audit       auditCommand       `cmd:"" help:"Verify, prove, replay, export, restore or reconcile the ledger."`
	Bench       benchCommand       `cmd:"" help:"Measure the service against its peers."`
	BenchPeer   benchPeerCommand   `cmd:"" hidden:"" help:"Be a peer of bench."`
	Callout     calloutCommand     `cmd:"" help:"Let the ledger's tokens open a NATS server that is not its own."`
	Token       tokenCommand       `cmd:"" help:"Mint a token of a sandbox's issuer."`
	Version     versionCommand     `cmd:"" help:"Print the version."`
}

func main() {
	tune()
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is main without the process around it. It returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	exited := -1
	parser, err := kong.New(&commandLine{},
		kong.Name("pushledger"), kong.Description("A ledger for domains pushed at a price to one named buyer."),
		kong.DefaultEnvars("PUSHLEDGER"), kong.UsageOnError(), kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { exited = code }),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(&terminal{out: stdout, err: stderr, args: args}))
	if err != nil {
		fmt.Fprintln(stderr, "error:", err)
		return exitUsage
	}
	preferArguments(parser, args)
	parsed, err := parser.Parse(args)
	if exited >= 0 { // help was asked for
		return exited
	}
	if err != nil {
		var wrong *kong.ParseError
		if errors.As(err, &wrong) {
			parsed = wrong.Context
		}
		fmt.Fprintln(stderr, wrapLines(plain(fmt.Sprint("error: ", err)), widthOf(stderr), 7))
		hint(stderr, helpOf(parsed))
		return exitUsage
	}
	return explain(parsed.Run(), helpOf(parsed), stderr)
}

// terminal is where a command writes: results to out, everything else to err.
type terminal struct {
	out, err io.Writer
	args     []string // of the command, without the program's name
}

// progress is a bar for work of so many steps, drawn only where somebody looks.
func (t *terminal) progress(steps int) *progressbar.ProgressBar {
	file, is := t.err.(*os.File)
	return progressbar.NewOptions(steps, progressbar.OptionSetWriter(t.err), progressbar.OptionShowCount(),
		progressbar.OptionClearOnFinish(), progressbar.OptionSetVisibility(is && isatty.IsTerminal(file.Fd())))
}

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(screen *terminal) error {
	_, err := fmt.Fprintln(screen.out, version)
	return err
}
