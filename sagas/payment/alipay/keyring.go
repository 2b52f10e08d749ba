package alipay

import (
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"
)

// farewell is for how long a certificate of Alipay's counts that is no longer in the
// files: longer than any answer is under way.
const farewell = 10 * time.Minute

// keyring holds the keys that the files had when they last were sound. It is safe for
// concurrent use.
type keyring struct {
	files      CertificateFiles
	privateKey string
	logger     *slog.Logger
	now        func() time.Time

	mu    sync.Mutex
	seen  []stamp // of the files when they were last read
	known *keys
}

// stamp tells one state of a file from another.
type stamp struct{ modified, size int64 }

// openKeyring reads the keys for the first time.
func openKeyring(config Config) (*keyring, error) {
	ring := &keyring{files: config.Certificates, privateKey: config.PrivateKey, logger: config.Logger, now: time.Now}
	var err error
	if !ring.files.given() {
		ring.known, err = plainKeys(config.PrivateKey, config.AlipayPublicKey)
		return ring, err
	}
	ring.seen = ring.stamps()
	ring.known, err = ring.files.read(ring.privateKey, ring.now())
	return ring, err
}

// current are the keys of this moment: files that have changed are read again. While some
// of them cannot be used, the last good ones are.
func (r *keyring) current() *keys {
	if !r.files.given() {
		return r.known
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	stamps := r.stamps()
	if slices.Equal(stamps, r.seen) {
		return r.known
	}
	r.seen = stamps
	now := r.now()
	fresh, err := r.files.read(r.privateKey, now)
	if err != nil {
		r.logger.Error("the certificates for Alipay have changed and cannot be used; the last ones are", "error", err)
		return r.known
	}
	r.logger.Info("the certificates for Alipay have changed")
	r.known = fresh.retiring(r.known, now, now.Add(farewell))
	return r.known
}

func (r *keyring) stamps() []stamp {
	files := r.files.all()
	stamps := make([]stamp, len(files))
	for i, path := range files {
		if info, err := os.Stat(path); err == nil { // what is not there shows when it is read
			stamps[i] = stamp{info.ModTime().UnixNano(), info.Size()}
		}
	}
	return stamps
}
