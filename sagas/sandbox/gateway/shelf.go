package gateway

import (
	"context"
	"fmt"
	"hash/maphash"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go/jetstream"
)

// keyLocks is a lock for every key; some keys share one.
type keyLocks [256]sync.Mutex

var lockSeed = maphash.MakeSeed()

// hold locks a key until the returned function is called. Nobody holds two keys of the
// same keyLocks.
func (k *keyLocks) hold(key string) (release func()) {
	lock := &k[maphash.String(lockSeed, key)%uint64(len(k))]
	lock.Lock()
	return lock.Unlock
}

// shelf keeps values of one kind by key, in memory and in the bucket. Values are never
// changed in place. Whoever changes one holds its key from reading to writing.
type shelf[T any] struct {
	keyLocks
	bucket jetstream.KeyValue
	prefix string
	shown  func(T) // is told of every value that is new on the shelf; may be nil

	mu     sync.RWMutex
	values map[string]T
}

func newShelf[T any](bucket jetstream.KeyValue, prefix string, shown func(T)) *shelf[T] {
	return &shelf[T]{bucket: bucket, prefix: prefix, shown: shown, values: make(map[string]T)}
}

func (s *shelf[T]) get(key string) (T, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	value, known := s.values[key]
	return value, known
}

func (s *shelf[T]) all() []T {
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := make([]T, 0, len(s.values))
	for _, value := range s.values {
		list = append(list, value)
	}
	return list
}

// put writes a value to the bucket and shows it only then. The caller holds the key.
// A write goes on when the one who asked for it does not wait any longer.
func (s *shelf[T]) put(ctx context.Context, key string, value T) error {
	body, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("gateway: encode %s%s: %w", s.prefix, key, err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writePatience)
	defer cancel()
	if _, err := s.bucket.Put(ctx, s.prefix+key, body); err != nil {
		return fmt.Errorf("gateway: write %s%s: %w", s.prefix, key, err)
	}
	s.show(key, value)
	return nil
}

func (s *shelf[T]) show(key string, value T) {
	s.mu.Lock()
	s.values[key] = value
	s.mu.Unlock()
	if s.shown != nil {
		s.shown(value)
	}
}

// restore shows a value that was read from the bucket, if it belongs here.
func (s *shelf[T]) restore(key string, body []byte) (bool, error) {
	key, mine := strings.CutPrefix(key, s.prefix)
	if !mine {
		return false, nil
	}
	var value T
	if err := json.Unmarshal(body, &value); err != nil {
		return true, err
	}
	s.show(key, value)
	return true, nil
}

// restorer is a shelf of any kind.
type restorer interface {
	restore(key string, body []byte) (bool, error)
	keys() string
}

func (s *shelf[T]) keys() string { return s.prefix + ">" }

// load fills the shelves from the bucket.
func load(ctx context.Context, bucket jetstream.KeyValue, shelves ...restorer) error {
	var wanted []string
	for _, shelf := range shelves {
		wanted = append(wanted, shelf.keys())
	}
	watcher, err := bucket.WatchFiltered(ctx, wanted, jetstream.IgnoreDeletes())
	if err != nil {
		return fmt.Errorf("gateway: load: %w", err)
	}
	err = readAll(ctx, watcher.Updates(), shelves)
	if stopErr := watcher.Stop(); err == nil && stopErr != nil {
		return fmt.Errorf("gateway: load: %w", stopErr)
	}
	return err
}

func readAll(ctx context.Context, entries <-chan jetstream.KeyValueEntry, shelves []restorer) error {
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("gateway: load: %w", ctx.Err())
		case entry := <-entries:
			if entry == nil { // everything that was there has come
				return nil
			}
			for _, shelf := range shelves {
				if mine, err := shelf.restore(entry.Key(), entry.Value()); err != nil {
					return fmt.Errorf("gateway: load %s: %w", entry.Key(), err)
				} else if mine {
					break
				}
			}
		}
	}
}
