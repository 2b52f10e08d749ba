package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/audit"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/client"
	"github.com/pushledger/pushledger/eventstore/transparency"
	"github.com/pushledger/pushledger/projections/pushes"
)

// Exit codes.
const (
	exitDone       = 0
	exitRefused    = 1 // by a rule, or the demo did not end as its file says
	exitUsage      = 2 // or an input file that cannot be read
	exitTryAgain   = 3 // not reached, unavailable, too much at once: worth trying again
	exitVerify     = 4 // the ledger is not what was signed, against its rules, or not what a bill says
	exitNotAllowed = 5 // not signed in, or not allowed
)

// errUsage marks what the user got wrong beyond what the flags themselves check.
var errUsage = errors.New("wrong usage")

// explain prints an error and finds its exit code. help is what to read on wrong usage.
func explain(err error, help string, stderr io.Writer) int {
	var refused *push.Refusal
	if errors.As(err, &refused) {
		printRefusal(stderr, refused)
		return exitOfRefusal(refused.Code)
	}
	if err == nil {
		return exitDone
	}
	fmt.Fprintln(stderr, wrapLines(plain(fmt.Sprint("error: ", err)), widthOf(stderr), 7))
	code := exitOf(err)
	switch {
	case errors.Is(err, errUsage), errors.Is(err, client.ErrNoAddress):
		hint(stderr, help)
	case code == exitTryAgain && !errors.Is(err, errNotFetched):
		hint(stderr, "is the service running? --ready-file, --nats-url and --http-url say where")
	case errors.Is(err, client.ErrNotSignedIn):
		hint(stderr, "--token-file, PUSHLEDGER_TOKEN, or --ready-file with --as say who you are")
	}
	return code
}

func hint(stderr io.Writer, what string) {
	fmt.Fprintln(stderr, wrap("hint: "+what, widthOf(stderr), 6))
}

func exitOf(err error) int {
	var damage *transparency.Damage
	switch {
	case errors.Is(err, errNotAsExpected), errors.Is(err, errNotRebuilt):
		return exitRefused
	case errors.As(err, &damage), errors.Is(err, transparency.ErrCheckpoint), errors.Is(err, errDiffers), errors.Is(err, errBillDiffers):
		return exitVerify
	case errors.Is(err, client.ErrNotSignedIn), errors.Is(err, audit.ErrNotAllowed):
		return exitNotAllowed
	case errors.Is(err, client.ErrUnreachable), errors.Is(err, audit.ErrUnreachable), errors.Is(err, errNotFetched):
		return exitTryAgain
	default:
		return exitUsage
	}
}

// exitOfRefusal tells what the state or a rule forbids from what was asked wrongly, what
// is not this account's to ask, and what may go through later.
func exitOfRefusal(code string) int {
	switch code {
	case push.CodeUnavailable, push.CodeRateLimited, "quota_exceeded":
		return exitTryAgain
	case pushes.CodeInvalidQuery:
		return exitUsage
	case pushes.CodeNotAllowed, client.CodeUnauthenticated, push.CodeNotYourPush:
		return exitNotAllowed
	default:
		return exitRefused
	}
}

// helpOf says where the command that was meant is described.
func helpOf(parsed *kong.Context) string {
	if parsed != nil {
		if node := parsed.Selected(); node != nil {
			return node.FullPath() + " --help"
		}
	}
	return "pushledger --help"
}

func printRefusal(stderr io.Writer, refused *push.Refusal) {
	const indent = 7 // of what goes on behind "error: "
	width := widthOf(stderr)
	fmt.Fprintln(stderr, wrap(fmt.Sprintf("error: %s: %s", plainLine(refused.Code), plainLine(refused.Message)), width, indent))
	if refused.MessageZH != "" {
		fmt.Fprintln(stderr, wrap(strings.Repeat(" ", indent)+plainLine(refused.MessageZH), width, indent))
	}
	for _, violation := range refused.Violations {
		what := cmp.Or(violation.Subject(), violation.Input)
		line := fmt.Sprintf("  %-30s %-4s %-22s %s", plainLine(what), plainLine(violation.Rule), plainLine(violation.Code), plainLine(violation.Message))
		fmt.Fprintln(stderr, wrap(line, width, indent))
	}
}
