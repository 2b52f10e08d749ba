package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/client"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/identity"
	"github.com/pushledger/pushledger/sagas/sandbox/alipaygateway"
	"github.com/pushledger/pushledger/sagas/sandbox/platform"
)

const ledgerPause = 250 * time.Millisecond // between two attempts to reach the ledger

// SandboxAlipay is what a service needs to use the Alipay of a sandbox apart: the values of
// its flags --alipay-….
type SandboxAlipay struct {
	AppID      string `json:"app_id"`
	SellerID   string `json:"seller_id"`
	Gateway    string `json:"gateway"`
	PrivateKey string `json:"private_key"` // this and the others below are files
	AppCert    string `json:"app_cert"`
	Cert       string `json:"cert"`
	RootCert   string `json:"root_cert"`
	// TransferScene is what its transfers to sellers are for.
	TransferScene string `json:"transfer_scene"`
}

// RunSandbox runs registrar, account directory and Alipay gateway for a service in another
// process until ctx ends. Registrar and directory are reached on the NATS server of that
// service, the gateway over HTTP here, and the controls on a NATS server of the sandbox's
// own. answers is called once the gateway does, so that the service, which needs its
// certificates, can be started after the sandbox. It fails if the service does not let the
// sandbox in.
func RunSandbox(ctx context.Context, config Config, answers func(Ready)) error {
	config.Sandbox = true
	apart := &sandboxApart{Service: newService(config)}
	err := apart.run(ctx, answers)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil { // it was told to stop while it waited
		err = nil
	}
	return errors.Join(err, apart.Close())
}

// sandboxApart is as much of a Service as a sandbox by itself has.
type sandboxApart struct {
	*Service
	joined   atomic.Bool                       // registrar and directory answer
	partners atomic.Pointer[platform.Platform] // once they do
}

// payees are those of the directory, and none before the ledger lets that in.
func (s *sandboxApart) payees(login string) (alipaygateway.Payee, bool) {
	if partners := s.partners.Load(); partners != nil {
		return payees(partners)(login)
	}
	return alipaygateway.Payee{}, false
}

func (s *sandboxApart) run(ctx context.Context, answers func(Ready)) error {
	issuer, err := s.openIdentity(ctx)
	if err != nil {
		return err
	}
	if err := s.startServer(); err != nil {
		return err
	}
	kept, controls, err := s.sandboxState(ctx)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	gateway, err := s.startGateway(ctx, mux, kept, controls, s.payees)
	if err != nil {
		return err
	}
	mux.HandleFunc("GET /readyz", s.readyz)
	door, err := s.listen(s.config.HTTPListen)
	if err != nil {
		return err
	}
	s.reading.stop = func() {}
	s.serveHTTP(door, mux, nil)
	if err := s.tell(ctx, gateway, issuer, "http://"+door.Addr().String()); err != nil {
		return err
	}
	answers(s.Ready)
	return s.join(ctx, kept, controls)
}

// tell writes the ready file.
func (s *sandboxApart) tell(ctx context.Context, gateway *alipaygateway.Gateway, issuer *identity.Issuer, address string) error {
	merchant, err := gateway.MerchantConfig()
	if err != nil {
		return err
	}
	s.Ready = Ready{NATSURL: s.server.URL(), HTTPURL: address, Alipay: &SandboxAlipay{
		AppID: merchant.AppID, SellerID: merchant.SellerID, Gateway: address + sandboxPath + "gateway.do",
		PrivateKey: merchant.KeyFile, AppCert: merchant.AppCertFile, Cert: merchant.AlipayCertFile, RootCert: merchant.RootCertFile,
		TransferScene: merchant.TransferScene,
	}}
	if err := s.mintTokens(issuer, platform.Inventory{}); err != nil { // traders have their tokens of the ledger's issuer
		return err
	}
	return s.announce(ctx)
}

// join answers the ledger's questions until ctx ends or the ledger turns the sandbox out.
func (s *sandboxApart) join(ctx context.Context, kept jetstream.KeyValue, controls *nats.Conn) error {
	account, err := client.Target{Token: s.config.LedgerToken}.Account()
	if err != nil {
		return fmt.Errorf("app: the token for the ledger: %w", err)
	}
	ledger, err := s.reachLedger(ctx, account)
	if err != nil {
		return err
	}
	s.onClose(func() error { ledger.Close(); return nil })
	partners, _, err := s.startPlatform(ctx, platform.Config{Conn: ledger, Controls: controls, KV: kept})
	if err != nil {
		return err
	}
	s.partners.Store(partners)
	s.joined.Store(true)
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.ended:
		return err
	}
}

// reachLedger waits for the ledger, which may be started later, and stays connected across
// its restarts.
func (s *sandboxApart) reachLedger(ctx context.Context, account string) (*nats.Conn, error) {
	for told := false; ; told = true {
		conn, err := nats.Connect(s.config.LedgerNATS, nats.Name("pushledger sandbox"), nats.Token(s.config.LedgerToken),
			nats.CustomInboxPrefix("_INBOX."+account), nats.MaxReconnects(-1), nats.ReconnectWait(ledgerPause),
			nats.ClosedHandler(s.turnedOut))
		switch {
		case err == nil:
			return conn, nil
		case errors.Is(err, nats.ErrAuthorization):
			return nil, fmt.Errorf("app: the ledger does not let the sandbox in: %w", err)
		case !told:
			s.config.Logger.Info("the sandbox waits for the ledger", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(ledgerPause):
		}
	}
}

// turnedOut is told when the connection to the ledger has ended for good.
func (s *sandboxApart) turnedOut(conn *nats.Conn) {
	if err := conn.LastError(); err != nil {
		select {
		case s.ended <- fmt.Errorf("app: the ledger has turned the sandbox out: %w", err):
		default: // it has been told
		}
	}
}

// readyz says whether the ledger's questions are answered.
func (s *sandboxApart) readyz(w http.ResponseWriter, _ *http.Request) {
	if !s.joined.Load() {
		http.Error(w, "not connected to the ledger yet", http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusOK)
}
