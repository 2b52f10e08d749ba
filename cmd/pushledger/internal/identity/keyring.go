package identity

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"
)

// How keys are kept up to date.
const (
	refreshEvery = 5 * time.Minute  // so that a key that the issuer has withdrawn soon ends to count
	refreshAgain = 10 * time.Second // at the soonest, however many tokens name keys that are not known
	fetchTimeout = 3 * time.Second  // less than a NATS server waits for who somebody is
)

// Source is where an issuer's public keys are. Exactly one of File and URL is given.
type Source struct {
	File string // PEM blocks, or a JWK set
	// URL of a JWK set. It is an https address, or an http address of this machine: whoever
	// can change the answer can make tokens.
	URL    string
	Client *http.Client // for the URL; nil: one of its own
	// Longest is how long from now a token may still be good; 0: for ever. A token that is good
	// for longer is refused: whoever finds it could use it as long.
	Longest time.Duration
	Now     func() time.Time
	Logger  *slog.Logger
}

// keyring is the keys of a source. They are read again now and then, and when a token names
// one that is not known; while the source cannot be read the last good ones stay. Whoever
// brings a token with a known key never waits for the source.
type keyring struct {
	read   func(context.Context) ([]byte, error)
	now    func() time.Time
	logger *slog.Logger

	mu      sync.Mutex
	keys    keySet
	tried   time.Time     // when they were last asked for
	reading chan struct{} // closed when the reading under way has ended; nil: none is
}

// openKeyring reads the keys for the first time.
func openKeyring(ctx context.Context, source Source) (*keyring, error) {
	ring := &keyring{now: source.Now, logger: source.Logger, tried: source.Now()}
	switch {
	case source.File != "" && source.URL == "":
		ring.read = func(context.Context) ([]byte, error) { return readFile(source.File) }
	case source.URL != "" && source.File == "":
		if err := checkURL(source.URL); err != nil {
			return nil, err
		}
		ring.read = fetcher(source)
	default:
		return nil, errors.New("want a file or an address of keys, and not both")
	}
	var err error
	ring.keys, err = ring.load(ctx)
	return ring, err
}

// Check says what is wrong with a source as far as that can be told without asking at its
// address.
func (s Source) Check() error {
	if s.URL != "" {
		return checkURL(s.URL)
	}
	text, err := readFile(s.File)
	if err != nil {
		return err
	}
	if _, err = decodeKeys(text); err != nil {
		return fmt.Errorf("%s: %w", s.File, err)
	}
	return nil
}

func (k *keyring) load(ctx context.Context) (keySet, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	text, err := k.read(ctx)
	if err != nil {
		return nil, err
	}
	return decodeKeys(text)
}

// find gives the key of an id.
func (k *keyring) find(id string) (any, bool) {
	key, known, reading := k.look(id)
	if known || reading == nil {
		return key, known
	}
	<-reading
	k.mu.Lock()
	defer k.mu.Unlock()
	key, known = k.keys[id]
	return key, known
}

// look gives the key if it is known. If the keys are being read, or it is time to read
// them, reading is closed when that has ended.
func (k *keyring) look(id string) (key any, known bool, reading <-chan struct{}) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key, known = k.keys[id]
	age := k.now().Sub(k.tried)
	if k.reading == nil && (age >= refreshEvery || !known && age >= refreshAgain) {
		k.tried, k.reading = k.now(), make(chan struct{})
		go k.refresh()
	}
	return key, known, k.reading
}

func (k *keyring) refresh() {
	keys, err := k.load(context.Background())
	if err != nil {
		k.logger.Warn("the keys of the token issuer cannot be read; those known stay", "error", err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if err == nil {
		k.keys = keys
	}
	close(k.reading)
	k.reading = nil
}

func readFile(path string) (text []byte, err error) {
	file, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if text, err = readBounded(file); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return text, nil
}

func checkURL(address string) error {
	parsed, err := url.Parse(address)
	if err != nil {
		return err
	}
	ip := net.ParseIP(parsed.Hostname())
	near := parsed.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	safe := parsed.Scheme == "https" || parsed.Scheme == "http" && near
	if parsed.Host == "" || !safe {
		return fmt.Errorf("%s is not an https address", parsed.Redacted())
	}
	return nil
}

// fetcher reads a set from its address. It follows no redirect.
func fetcher(source Source) func(context.Context) ([]byte, error) {
	client := http.Client{}
	if source.Client != nil {
		client = *source.Client
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return func(ctx context.Context) (text []byte, err error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, source.URL, http.NoBody)
		if err != nil {
			return nil, err
		}
		response, err := client.Do(request)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, response.Body.Close()) }()
		if response.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("%s answers %s", request.URL.Redacted(), response.Status)
		}
		if text, err = readBounded(response.Body); err != nil {
			return nil, fmt.Errorf("%s: %w", request.URL.Redacted(), err)
		}
		return text, nil
	}
}
