package main

import (
	"fmt"
	"log/slog"
	"math"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/certificate"
	"github.com/pushledger/pushledger/sagas/sandbox/platform"
)

// wrongSettings are all settings that are missing or wrong, each told in a line or several.
type wrongSettings []string

func (w *wrongSettings) add(format string, values ...any) {
	*w = append(*w, fmt.Sprintf(format, values...))
}

// join adds what is wrong with a flag, if anything is; with none the error says what it is
// about.
func (w *wrongSettings) join(flag string, err error) {
	switch {
	case err == nil:
	case flag == "":
		*w = append(*w, err.Error())
	default:
		w.add("%s: %s", flag, err)
	}
}

// Error implements error.
func (w wrongSettings) Error() string {
	if len(w) == 1 && !strings.Contains(w[0], "\n") {
		return errUsage.Error() + ": " + w[0]
	}
	return errUsage.Error() + ", all of this:\n  " + strings.ReplaceAll(strings.Join(w, "\n"), "\n", "\n  ")
}

// Unwrap makes it a wrong usage.
func (w wrongSettings) Unwrap() error { return errUsage }

// Alipay takes orders that last a minute to 15 days when their page is first opened. That takes
// a moment, and its clock is not ours.
const (
	shortestWindow = 2 * time.Minute
	longestWindow  = 14 * 24 * time.Hour
)

// checkWindow checks that Alipay would take orders over the payment window. A sandbox takes
// shorter ones as well, for who waits for their end.
func (c *serveCommand) checkWindow(wrong *wrongSettings) {
	switch {
	case c.PaymentWindow <= 0:
		wrong.add("--payment-window must be above 0")
	case c.PaymentWindow > longestWindow, c.PaymentWindow < shortestWindow && !c.Sandbox:
		wrong.add("--payment-window must be %s to %s, as Alipay takes no other order", shortestWindow, longestWindow)
	}
}

func (c *serveCommand) checkNumbers(wrong *wrongSettings) {
	c.checkWindow(wrong)
	if !(c.CommandRate > 0) || math.IsInf(c.CommandRate, 0) || c.CommandBurst < 1 {
		wrong.add("--command-rate must be above 0 and --command-burst at least 1")
	}
	if c.SourcesPatience < 0 {
		wrong.add("--sources-patience must not be below 0")
	}
	if c.TokenLife < 0 {
		wrong.add("--token-life must not be below 0")
	}
}

// checkDoors checks where the service listens and what it speaks there.
func (c *serveCommand) checkDoors(wrong *wrongSettings) {
	for _, door := range []struct{ flag, address string }{{"--nats-listen", c.NATSListen}, {"--http-listen", c.HTTPListen}} {
		_, port, err := net.SplitHostPort(door.address)
		if err == nil {
			_, err = strconv.ParseUint(port, 10, 16)
		}
		if err != nil {
			wrong.add("%s %q is no HOST:PORT", door.flag, door.address)
		}
	}
	switch files := (certificate.Files{Certificate: c.TLSCert, Key: c.TLSKey, ClientCA: c.TLSClientCA}); {
	case files == certificate.Files{}:
	case c.TLSCert == "" || c.TLSKey == "":
		wrong.add("--tls-cert and --tls-key belong together, and --tls-client-ca needs both")
	default:
		_, err := certificate.Open(files, slog.New(slog.DiscardHandler))
		wrong.join("", err)
	}
}

func (c *serveCommand) checkSandbox(wrong *wrongSettings) {
	if c.given() {
		wrong.add("a sandbox takes its own tokens only: no --token-issuer, --token-keys or --token-keys-url with --sandbox")
	}
	if c.SandboxInventory != "" {
		_, err := platform.LoadInventory(c.SandboxInventory)
		wrong.join("--sandbox-inventory", err)
	}
}

func (c *serveCommand) readFees(wrong *wrongSettings) (fees push.FeeSchedule) {
	if c.FeeSchedule == "" {
		return nil
	}
	text, err := os.ReadFile(c.FeeSchedule)
	if err == nil {
		err = json.Unmarshal(text, &fees, json.RejectUnknownMembers(true))
	}
	if err != nil {
		wrong.add("--fee-schedule %s: %s", c.FeeSchedule, err)
	}
	return fees
}

// readLimits reads the most that one payout may be over.
func (c *serveCommand) readLimits(wrong *wrongSettings) (limits push.PayoutLimits) {
	for _, limit := range []struct {
		flag, text string
		into       *money.Fen
	}{{"--payout-limit-person", c.PayoutLimitPerson, &limits.Person}, {"--payout-limit-company", c.PayoutLimitCompany, &limits.Company}} {
		amount, err := money.Parse(limit.text)
		if err != nil {
			wrong.add("%s %.40q is no amount in yuan", limit.flag, limit.text)
		}
		*limit.into = amount
	}
	return limits
}

// readReconcile is how long after midnight the bills are read each day; nil: never.
func (c *serveCommand) readReconcile(wrong *wrongSettings) *time.Duration {
	if c.ReconcileDaily == "" {
		return nil
	}
	at, err := time.Parse("15:04", c.ReconcileDaily)
	if err != nil {
		wrong.add("--reconcile-daily %.20q is no time of a day such as 10:30", c.ReconcileDaily)
	}
	after := time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute
	return &after
}
