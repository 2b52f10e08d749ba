package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/audit"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/identity"
	"github.com/pushledger/pushledger/eventstore/durablefile"
)

// openIdentity reads the keys by which tokens are checked; a sandbox makes its own. No
// directory ever serves as both: the tokens of a sandbox are anybody's to make, and its
// log tells of money that never was.
func (s *Service) openIdentity(ctx context.Context) (*identity.Issuer, error) {
	if s.config.Sandbox {
		return s.openSandboxIdentity()
	}
	if s.config.TokenIssuer == identity.SandboxIssuer {
		return nil, fmt.Errorf("app: %s is the issuer of sandboxes; their tokens are not good here", identity.SandboxIssuer)
	}
	switch there, err := exists(s.sandboxDir()); {
	case err != nil:
		return nil, err
	case there:
		return nil, fmt.Errorf("app: %s belongs to a sandbox: give --sandbox, or another --data", s.config.Data)
	}
	verifier, err := identity.OpenVerifier(ctx, s.config.TokenIssuer, identity.Source{
		File: s.config.TokenKeys, URL: s.config.TokenKeysURL, Longest: s.config.TokenLife, Now: now, Logger: s.config.Logger,
	})
	s.verifier = verifier
	return nil, err
}

func (s *Service) openSandboxIdentity() (*identity.Issuer, error) {
	sandbox, err := exists(s.sandboxDir())
	if err != nil {
		return nil, err
	}
	log, err := exists(audit.NATSDir(s.config.Data))
	if err != nil {
		return nil, err
	}
	if log && !sandbox {
		return nil, fmt.Errorf("app: %s holds the log of a service that is no sandbox: give another --data", s.config.Data)
	}
	if err := durablefile.MakeDir(s.sandboxDir()); err != nil {
		return nil, fmt.Errorf("app: sandbox: %w", err)
	}
	issuer, err := identity.OpenIssuer(SandboxIssuer(s.config.Data))
	if err != nil {
		return nil, err
	}
	public, err := issuer.PublicPEM()
	if err != nil {
		return nil, err
	}
	s.verifier, err = identity.NewVerifier(identity.SandboxIssuer, public)
	return issuer, err
}

func exists(path string) (bool, error) {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("app: %w", err)
	}
	return true, nil
}

// watchTokens turns out connections whose tokens are not good any more.
func (s *Service) watchTokens(ctx context.Context) error {
	for wait(ctx, tokensLook) {
		s.server.Recheck()
	}
	return nil
}
