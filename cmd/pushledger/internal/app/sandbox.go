package app

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/identity"
	"github.com/pushledger/pushledger/sagas/payment/alipay"
	"github.com/pushledger/pushledger/sagas/sandbox/alipaygateway"
	"github.com/pushledger/pushledger/sagas/sandbox/platform"
)

const (
	sandboxPath   = "/sandbox/alipay/"
	sandboxBucket = "SANDBOX"
	sandboxToken  = 30 * 24 * time.Hour
	lateNotify    = 4 * time.Second
	firstRenotify = time.Second
)

func (s *Service) sandboxDir() string { return filepath.Join(s.config.Data, "sandbox") }

// SandboxIssuer is the file with the key by which a sandbox signs its tokens.
func SandboxIssuer(data string) string { return filepath.Join(data, "sandbox", "issuer.key") }

// startSandbox runs the partners behind the very subjects and addresses at which the
// production adapters would find the real ones. address is where they reach each other.
func (s *Service) startSandbox(ctx context.Context, mux *http.ServeMux, issuer *identity.Issuer, address string) error {
	if !s.config.Sandbox {
		return nil
	}
	conn, err := s.connect("sandbox")
	if err != nil {
		return err
	}
	js, err := jetstream.New(conn, jetstream.WithDefaultTimeout(streamPatience))
	if err != nil {
		return fmt.Errorf("app: sandbox: %w", err)
	}
	storage := jetstream.FileStorage
	if s.config.SandboxForgets {
		storage = jetstream.MemoryStorage
	}
	kept, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: sandboxBucket, Storage: storage})
	if err != nil {
		return fmt.Errorf("app: sandbox: %w", err)
	}
	var inventory platform.Inventory
	if s.config.Inventory != "" {
		if inventory, err = platform.LoadInventory(s.config.Inventory); err != nil {
			return err
		}
	}
	partners, err := platform.Start(ctx, platform.Config{Conn: conn, KV: kept, Inventory: inventory, Logger: s.config.Logger, Now: now})
	if err != nil {
		return err
	}
	s.onClose(func() error { partners.Close(); return nil })
	gateway, err := alipaygateway.Open(ctx, alipaygateway.Config{
		KV: kept, KeyDir: s.sandboxDir(), Logger: s.config.Logger, Now: now,
		Notify: alipaygateway.Schedule{FirstRetry: firstRenotify, Late: lateNotify}, Payees: payees(partners),
	})
	if err != nil {
		return err
	}
	s.onClose(func() error { gateway.Close(); return nil })
	if err := gateway.Serve(conn); err != nil {
		return err
	}
	mux.Handle(sandboxPath, gateway)
	if err := s.sandboxAlipay(gateway, address); err != nil {
		return err
	}
	return s.mintTokens(issuer, inventory)
}

// payees are the accounts at Alipay that the directory names.
func payees(directory *platform.Platform) func(string) (alipaygateway.Payee, bool) {
	return func(login string) (alipaygateway.Payee, bool) {
		name, company, known := directory.AlipayAccount(login)
		return alipaygateway.Payee{Name: name, Company: company}, known
	}
}

// sandboxAlipay points the production adapter at the sandbox, which is at an address.
func (s *Service) sandboxAlipay(gateway *alipaygateway.Gateway, address string) error {
	merchant, err := gateway.MerchantConfig()
	if err != nil {
		return err
	}
	s.config.Alipay = alipay.Config{
		AppID: merchant.AppID, SellerID: merchant.SellerID,
		Certificates: alipay.CertificateFiles{
			App: merchant.AppCertFile, Alipay: []string{merchant.AlipayCertFile}, Root: merchant.RootCertFile, Key: merchant.KeyFile,
		},
		Gateway: address + sandboxPath + "gateway.do", NotifyURL: address + "/alipay/notify",
		Timeout: sandboxTimeout,
	}
	return nil
}

func (s *Service) mintTokens(issuer *identity.Issuer, inventory platform.Inventory) error {
	roles := map[string]identity.Role{sandboxOperator: identity.Operator, sandboxAuditor: identity.Auditor}
	for _, account := range inventory.Accounts() {
		if _, reserved := roles[account.Account]; reserved {
			return fmt.Errorf("app: the sandbox keeps the account %q for itself", account.Account)
		}
		roles[account.Account] = identity.Trader
	}
	s.Ready.Tokens = make(map[string]string, len(roles))
	for account, role := range roles {
		token, err := issuer.Mint(account, role, sandboxToken)
		if err != nil {
			return err
		}
		s.Ready.Tokens[account] = token
	}
	return nil
}
