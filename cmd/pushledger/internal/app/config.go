// Package app puts the service together: the only place where the parts meet.
package app

import (
	"log/slog"
	"time"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/certificate"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/commands"
	"github.com/pushledger/pushledger/sagas/payment/alipay"
)

// Config says what to run. Zero values are not defaults; the command line has those.
type Config struct {
	Data          string        // directory of everything that is kept
	NATSListen    string        // host:port, port 0 picks a free one
	HTTPListen    string        // host:port, port 0 picks a free one
	SyncAlways    bool          // an acknowledged command has reached the disk
	PaymentWindow time.Duration // rule L5
	// SourcesPatience is how long Alipay is asked for the sources of a payment before a
	// person is (rule T6); 0: ten minutes, or ten seconds in the sandbox.
	SourcesPatience time.Duration
	// OwnAccount demands that buyers pay from their own Alipay accounts (rule T6).
	OwnAccount bool
	// ByMerchant pays sellers by confirming trades that are made for them (直付通), instead of
	// by transfers. Purchases that were accepted before finish in their own way.
	ByMerchant bool
	// PayoutLimits are those of one payout at Alipay (rule T11).
	PayoutLimits push.PayoutLimits
	TLS          certificate.Files
	ReadyFile    string // written once the service answers; empty: none
	// TransparencyDir is where tiles and entry bundles are kept, best on another disk,
	// and CheckpointKey the file with the key that signs checkpoints. Empty: below Data.
	TransparencyDir string
	CheckpointKey   string
	Version         string
	Fees            push.FeeSchedule
	Limit           commands.Limit // of one account's commands
	// Reconcile has the journal held against Alipay's bills every day, so long after midnight
	// in Alipay's zone; nil: never.
	Reconcile *time.Duration
	Logger    *slog.Logger

	// Sandbox runs the partners in this process. It makes tokens, keys and the Alipay
	// settings by itself.
	Sandbox   bool
	Inventory string // file; empty: nobody and nothing
	// SandboxForgets keeps the partners' state in memory only: for a sandbox that is
	// thrown away.
	SandboxForgets bool
	// LedgerNATS is where the ledger is to which a sandbox apart belongs, and LedgerToken
	// what lets the sandbox in there, as a partner. They are for RunSandbox alone.
	LedgerNATS, LedgerToken string

	// The fields below are for a service without sandbox.
	// TokenIssuer is the "iss" of good tokens. Its public keys are in the file TokenKeys, as
	// PEM or as a JWK set, or at TokenKeysURL, as a JWK set.
	TokenIssuer, TokenKeys, TokenKeysURL string
	// TokenLife is how long from now a token may still be good; 0: for ever. A sandbox's are.
	TokenLife time.Duration
	Alipay    alipay.Config
}

// Accounts of the sandbox that are no traders.
const (
	sandboxOperator = "operator"
	sandboxAuditor  = "auditor"
)

const (
	workers          = 64               // purchases worked on at the same time
	registrarTimeout = 5 * time.Second  // for one answer of registrar or directory
	sandboxTimeout   = 2 * time.Second  // for one answer of a partner in the sandbox
	streamPatience   = 30 * time.Second // for the server to make a stream or consumer, which a slow disk makes long
	pollFirst        = 15 * time.Second
	pollLongest      = 2 * time.Minute
	sandboxPollFirst = time.Second
	sandboxPollMost  = 5 * time.Second
	sandboxSources   = 10 * time.Second
	closeGrace       = 5 * time.Minute // after a payment window, for a trade to come up that was begun in it
	sandboxGrace     = 2 * time.Second
	shortestOrder    = time.Minute      // that Alipay takes
	tokensLook       = 30 * time.Second // whether connections are still to be served
	sandboxProbe     = 10 * time.Second
	sandboxPostponed = 2 * time.Second
)
