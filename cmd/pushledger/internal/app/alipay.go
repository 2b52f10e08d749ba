package app

import (
	"context"
	"log/slog"
	"time"

	"github.com/pushledger/pushledger/sagas/payment/alipay"
)

const (
	certificateLook  = time.Hour           // between two looks at how long certificates last
	certificateSoon  = 30 * 24 * time.Hour // from when on it is said that one expires
	certificateAgain = 24 * time.Hour      // after which it is said again
)

// openAlipay opens the way to Alipay.
func (s *Service) openAlipay() error {
	s.config.Alipay.Logger = s.config.Logger
	var err error
	if s.provider, err = alipay.New(s.config.Alipay); err != nil {
		return err
	}
	if !s.provider.Certified() {
		s.config.Logger.Warn("Alipay is asked without certificates: it refuses every payout (isv.missing-app-cert-sn) and perhaps refunds, " +
			"which wait until there are --alipay-app-cert, --alipay-cert and --alipay-root-cert in place of --alipay-public-key")
	}
	return nil
}

// measureCertificates adds to the metrics when the certificates for Alipay expire.
func (s *Service) measureCertificates() {
	if !s.provider.Certified() {
		return
	}
	for _, kind := range []string{alipay.KindApp, alipay.KindAlipay, alipay.KindRoot} {
		s.reading.metrics.ObserveOne("pushledger_alipay_certificate_expiry_seconds",
			"When the first certificate of a kind expires, in seconds since 1970.", "certificate", kind,
			func() float64 { return float64(firstToExpire(s.provider.Certificates())[kind].NotAfter.Unix()) })
	}
}

// watchCertificates says in time that certificates expire, until ctx ends.
func (s *Service) watchCertificates(ctx context.Context) error {
	said := make(saidOfCertificates)
	for {
		said.tell(s.provider.Certificates(), now(), s.config.Logger)
		if !wait(ctx, certificateLook) {
			return ctx.Err()
		}
	}
}

// saidOfCertificates is when something was last said of a certificate.
type saidOfCertificates map[aboutCertificate]time.Time

type aboutCertificate struct {
	kind    string
	expired bool
}

func (said saidOfCertificates) tell(certificates []alipay.Certificate, now time.Time, logger *slog.Logger) {
	for kind, first := range firstToExpire(certificates) {
		about := aboutCertificate{kind, now.After(first.NotAfter)}
		if now.Add(certificateSoon).Before(first.NotAfter) || now.Sub(said[about]) < certificateAgain {
			continue
		}
		said[about] = now
		what := []any{"certificate", kind, "file", first.File, "expires", first.NotAfter.UTC()}
		if about.expired {
			logger.Error("A CERTIFICATE FOR ALIPAY HAS EXPIRED: replace its file", what...)
			continue
		}
		logger.Warn("a certificate for Alipay expires soon", what...)
	}
}

// firstToExpire finds the certificate of each kind that expires first.
func firstToExpire(certificates []alipay.Certificate) map[string]alipay.Certificate {
	first := make(map[string]alipay.Certificate)
	for _, one := range certificates {
		if known, is := first[one.Kind]; !is || one.NotAfter.Before(known.NotAfter) {
			first[one.Kind] = one
		}
	}
	return first
}
