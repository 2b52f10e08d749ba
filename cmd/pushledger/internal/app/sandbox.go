package app

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"
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
	kept, conn, err := s.sandboxState(ctx)
	if err != nil {
		return err
	}
	partners, inventory, err := s.startPlatform(ctx, platform.Config{Conn: conn, KV: kept})
	if err != nil {
		return err
	}
	gateway, err := s.startGateway(ctx, mux, kept, conn, payees(partners))
	if err != nil {
		return err
	}
	if err := s.sandboxAlipay(gateway, address); err != nil {
		return err
	}
	return s.mintTokens(issuer, inventory)
}

// sandboxState is where the partners keep theirs, and the connection on which they are
// steered.
func (s *Service) sandboxState(ctx context.Context) (jetstream.KeyValue, *nats.Conn, error) {
	conn, err := s.connect("sandbox")
	if err != nil {
		return nil, nil, err
	}
	js, err := jetstream.New(conn, jetstream.WithDefaultTimeout(streamPatience))
	if err != nil {
		return nil, nil, fmt.Errorf("app: sandbox: %w", err)
	}
	storage := jetstream.FileStorage
	if s.config.SandboxForgets {
		storage = jetstream.MemoryStorage
	}
	kept, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: sandboxBucket, Storage: storage})
	if err != nil {
		return nil, nil, fmt.Errorf("app: sandbox: %w", err)
	}
	return kept, conn, nil
}

// startPlatform runs registrar and account directory, and returns what they hold at first.
func (s *Service) startPlatform(ctx context.Context, config platform.Config) (partners *platform.Platform, inventory platform.Inventory, err error) {
	if s.config.Inventory != "" {
		if inventory, err = platform.LoadInventory(s.config.Inventory); err != nil {
			return nil, inventory, err
		}
	}
	config.Inventory, config.Logger, config.Now = inventory, s.config.Logger, now
	if partners, err = platform.Start(ctx, config); err != nil {
		return nil, inventory, err
	}
	s.onClose(func() error { partners.Close(); return nil })
	return partners, inventory, nil
}

// startGateway runs the Alipay gateway, which is steered on a connection.
func (s *Service) startGateway(
	ctx context.Context, mux *http.ServeMux, kept jetstream.KeyValue, controls *nats.Conn, payees payeesOf,
) (*alipaygateway.Gateway, error) {
	gateway, err := alipaygateway.Open(ctx, alipaygateway.Config{
		KV: kept, KeyDir: s.sandboxDir(), Logger: s.config.Logger, Now: now,
		Notify: alipaygateway.Schedule{FirstRetry: firstRenotify, Late: lateNotify}, Payees: payees,
		// A payment window that Alipay would find too short is good enough to try things.
		ShortestOrder: min(shortestOrder, s.config.PaymentWindow/2),
	})
	if err != nil {
		return nil, err
	}
	s.onClose(func() error { gateway.Close(); return nil })
	if err := gateway.Serve(controls); err != nil {
		return nil, err
	}
	mux.Handle(sandboxPath, gateway)
	return gateway, nil
}

// payeesOf finds accounts at Alipay by their logins.
type payeesOf = func(login string) (alipaygateway.Payee, bool)

// payees are the accounts at Alipay that the directory names.
func payees(directory *platform.Platform) payeesOf {
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
		Timeout: sandboxTimeout, Transfers: alipay.TransferScene{Name: merchant.TransferScene},
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
