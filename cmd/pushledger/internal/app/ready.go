package app

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Ready tells other programs where the service is.
type Ready struct {
	NATSURL string            `json:"nats_url"`
	HTTPURL string            `json:"http_url"`
	TLSCA   string            `json:"tls_ca,omitempty"` // certificates to trust at both, as PEM; empty: there is no TLS
	Tokens  map[string]string `json:"tokens,omitempty"` // by account, in a sandbox
	Alipay  *SandboxAlipay    `json:"alipay,omitempty"` // in a sandbox apart
}

// announce waits until queries show all that is in the log and writes the ready file,
// whole or not at all.
func (s *Service) announce(ctx context.Context) error {
	if err := s.waitForReadModels(ctx); err != nil {
		return err
	}
	if s.config.ReadyFile == "" {
		return nil
	}
	text, err := json.Marshal(s.Ready, json.Deterministic(true), jsontext.WithIndent("  "))
	if err != nil {
		return fmt.Errorf("app: ready file: %w", err)
	}
	return keptFile(s.config.ReadyFile).Save(append(text, '\n')) // 0600: it holds tokens
}
