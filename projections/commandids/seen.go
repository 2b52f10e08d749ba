package commandids

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

const (
	learnAtOnce = 20_000      // rows of one question
	learnPause  = time.Second // while the rows cannot be read
)

// seen tells of most commands, which are new, that they are, so that nothing has to be
// read for them. It holds four bytes of each id's key, which take some fifteen: with two million
// commands one new one in two thousand is looked up like a known one, and no known one is
// ever missed.
//
// Everything that is folded is in it before its row is; what was folded by earlier
// processes is learnt from the rows, and until that has ended it knows nothing for certain.
type seen struct {
	complete atomic.Bool
	mu       sync.RWMutex
	parts    map[uint32]struct{}
}

func newSeen() *seen { return &seen{parts: make(map[uint32]struct{})} }

func part(key []byte) uint32 { return binary.LittleEndian.Uint32(key) }

func (s *seen) add(keys ...[]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range keys {
		s.parts[part(key)] = struct{}{}
	}
}

// lacks reports that no row has the key. False says nothing.
func (s *seen) lacks(key []byte) bool {
	if !s.complete.Load() {
		return false
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, known := s.parts[part(key)]
	return !known
}

// Learn reads which commands earlier processes have folded, and returns when that is done
// or ctx ends. Before it is, every question is put to the rows.
func (i *Index) Learn(ctx context.Context) {
	after := []byte{}
	for ctx.Err() == nil {
		last, err := i.learnPage(ctx, after)
		switch {
		case err != nil: // a damaged copy is made anew, and all of it folded again
			select {
			case <-ctx.Done():
			case <-time.After(learnPause):
			}
		case last == nil:
			i.seen.complete.Store(true)
			return
		default:
			after = last
		}
	}
}

// learnPage reads the keys after one and returns the last; nil if there is none.
func (i *Index) learnPage(ctx context.Context, after []byte) (last []byte, err error) {
	err = i.Read(func(db *sql.DB) error {
		rows, err := db.QueryContext(ctx, "SELECT id FROM command_ids WHERE id > $1 ORDER BY id LIMIT $2", after, learnAtOnce)
		if err != nil {
			return err
		}
		defer rows.Close() //nolint:errcheck // rows.Err says all there is
		var keys [][]byte
		for rows.Next() {
			var key []byte
			if err := rows.Scan(&key); err != nil {
				return err
			}
			keys = append(keys, key)
		}
		if err := rows.Err(); err != nil {
			return err
		}
		i.seen.add(keys...)
		if len(keys) > 0 {
			last = keys[len(keys)-1]
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("commandids: learn: %w", err)
	}
	return last, nil
}
