package transparency_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"

	"github.com/pushledger/pushledger/eventstore/transparency"
)

// keeper is a Log in a directory, and what it has published.
type keeper struct {
	*transparency.Log
	dir string

	mu        sync.Mutex
	published []transparency.Checkpoint
}

func (k *keeper) options() transparency.Options {
	return transparency.Options{
		Dir: filepath.Join(k.dir, "transparency"), KeyFile: filepath.Join(k.dir, "checkpoint.key"),
		Interval: 20 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
		Publish: func(_ context.Context, checkpoint transparency.Checkpoint, _ string) error {
			k.mu.Lock()
			defer k.mu.Unlock()
			k.published = append(k.published, checkpoint)
			return nil
		},
	}
}

func open(t testing.TB, dir string) *keeper {
	t.Helper()
	k := &keeper{dir: dir}
	log, err := transparency.Open(k.options())
	require.NoError(t, err)
	k.Log = log
	return k
}

// run follows a log until it has signed all of it.
func (k *keeper) run(t testing.TB, log *logOf) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- k.Run(ctx, log.follow) }()
	require.Eventually(t, func() bool {
		return k.Damage() != nil || k.Checkpoint().Size == uint64(len(log.entries))
	}, 20*time.Second, time.Millisecond)
	cancel()
	require.NoError(t, <-ended)
}

// scrubOnce re-reads what is signed, once.
func (k *keeper) scrubOnce(t *testing.T, log *logOf) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- k.Scrub(ctx, log) }()
		synctest.Wait() // it pauses behind the few entries there are
		cancel()
		require.NoError(t, <-ended)
	})
}

func (k *keeper) key(t testing.TB) note.Verifier {
	t.Helper()
	key, err := transparency.ParseKey(k.Key())
	require.NoError(t, err)
	return key
}

func (k *keeper) copy(t testing.TB) *transparency.Copy {
	t.Helper()
	kept, err := transparency.OpenCopy(os.DirFS(k.options().Dir), k.key(t))
	require.NoError(t, err)
	return kept
}

func TestTheTreeGrowsOverRestarts(t *testing.T) {
	dir := t.TempDir()
	log := newLog(0)
	var sizes []uint64
	for _, more := range []int{1, 254, 1, 1, 300, 65_500, 700} {
		log.grow(more)
		keeping := open(t, dir)
		require.NoError(t, keeping.Guard(t.Context(), log))
		keeping.run(t, log)
		require.NoError(t, keeping.Damage())
		sizes = append(sizes, keeping.Checkpoint().Size)
	}
	require.Equal(t, []uint64{1, 255, 256, 257, 557, 66_057, 66_757}, sizes)

	keeping := open(t, dir)
	require.NoError(t, verify(t, log, []transparency.Checkpoint{keeping.Checkpoint()}, keeping.copy(t)))
	require.NoError(t, verify(t, keeping.copy(t), []transparency.Checkpoint{keeping.Checkpoint()}, nil), "the bundles are a whole copy")
}

func verify(t *testing.T, log transparency.Source, checkpoints []transparency.Checkpoint, signed *transparency.Copy) error {
	t.Helper()
	check := transparency.NewCheck(checkpoints, signed)
	last, err := log.LastSequence(t.Context())
	require.NoError(t, err)
	err = transparency.Scan(t.Context(), log, 0, last, none,
		func(entry transparency.Scanned[struct{}]) error { return check.Add(entry.Hash) })
	if err != nil {
		return err
	}
	return check.Finish()
}

func none(transparency.Entry) (struct{}, error) { return struct{}{}, nil }

// Every kind of tampering is found by verification, and the first bad sequence is named.
func TestTamperingIsFoundAndNamed(t *testing.T) {
	for name, tampered := range map[string]struct {
		tamper func(*logOf)
		bad    uint64
	}{
		"a flipped byte": {func(l *logOf) { l.entries[299].Body = []byte(`{"n":301}`) }, 300},
		"a dropped event": {func(l *logOf) {
			l.entries = append(l.entries[:299], l.entries[300:]...)
			renumber(l)
		}, 300},
		"two swapped events": {func(l *logOf) {
			l.entries[10], l.entries[299] = l.entries[299], l.entries[10]
			renumber(l)
		}, 11},
		"a forged event put in": {func(l *logOf) {
			l.entries = append(l.entries[:500], append([]transparency.Entry{entry(7)}, l.entries[500:]...)...)
			renumber(l)
		}, 501},
		"a cut tail":       {func(l *logOf) { l.entries = l.entries[:900] }, 901},
		"another header":   {func(l *logOf) { l.entries[0].Headers[1].Value = "bob" }, 1},
		"another subject":  {func(l *logOf) { l.entries[255].Subject += "x" }, 256},
		"another time":     {func(l *logOf) { l.entries[256].Time = noon }, 257},
		"a missing number": {func(l *logOf) { l.entries[4].Sequence = 6 }, 5},
	} {
		t.Run(name, func(t *testing.T) {
			log := newLog(600)
			keeping := open(t, t.TempDir())
			keeping.run(t, log)
			log.grow(400)
			keeping.run(t, log)
			tampered.tamper(log)

			damageAt(t, verify(t, log, keeping.published, keeping.copy(t)), tampered.bad)
			damageAt(t, keeping.Guard(t.Context(), log), tampered.bad)
			require.Error(t, keeping.Damage())
			require.Error(t, verify(t, log, keeping.published, nil), "the checkpoints alone are enough to find it")
		})
	}
}

func renumber(l *logOf) {
	for i := range l.entries {
		l.entries[i].Sequence = uint64(i + 1)
	}
}

func TestTheScrubberFindsWhatTheGuardDoesNotReach(t *testing.T) {
	log := newLog(9000)
	keeping := open(t, t.TempDir())
	keeping.run(t, log)
	log.entries[99].Body = []byte(`{"n":0}`)
	require.NoError(t, keeping.Guard(t.Context(), log), "the newest 8,192 are as they were")
	require.NoError(t, keeping.Scrub(t.Context(), log))
	damageAt(t, keeping.Damage(), 100)
}

func TestTheScrubberMendsTheSecondCopyFromAGoodLogAlone(t *testing.T) {
	log := newLog(700)
	log.entries[10].Body = []byte(`{"text":"` + long + `"}`)
	keeping := open(t, t.TempDir())
	keeping.run(t, log)
	dir := keeping.options().Dir
	apart, err := filepath.Glob(filepath.Join(dir, "apart", "*", "*"))
	require.NoError(t, err)
	require.Len(t, apart, 1)
	good := make(map[string][]byte)
	for _, path := range []string{filepath.Join(dir, "tile/entries/000"), filepath.Join(dir, "tile/0/001"), apart[0]} {
		good[path], err = os.ReadFile(path)
		require.NoError(t, err)
		flipped := bytes.Clone(good[path])
		flipped[100] ^= 1
		require.NoError(t, os.WriteFile(path, flipped, 0o600))
	}
	gone := filepath.Join(dir, "tile/entries/001")
	good[gone], err = os.ReadFile(gone)
	require.NoError(t, err)
	require.NoError(t, os.Remove(gone))

	keeping.scrubOnce(t, log)

	require.NoError(t, keeping.Damage())
	for path, want := range good {
		is, err := os.ReadFile(path)
		require.NoError(t, err)
		require.True(t, bytes.Equal(want, is), path)
	}

	log.entries[300].Body = []byte(`{"n":0}`)
	keeping.scrubOnce(t, log)
	damageAt(t, keeping.Damage(), 301)
	is, err := os.ReadFile(gone)
	require.NoError(t, err)
	require.True(t, bytes.Equal(good[gone], is), "a damaged log is not copied over a good copy")
}

func TestWhatWasWrittenBehindASealIsDamage(t *testing.T) {
	log := newLog(300)
	keeping := open(t, t.TempDir())
	keeping.run(t, log)
	require.NoError(t, keeping.Seal(300))
	log.grow(1)
	damageAt(t, keeping.Guard(t.Context(), log), 301)

	keeping = open(t, keeping.dir)
	log.entries = log.entries[:300]
	require.NoError(t, keeping.Guard(t.Context(), log), "the log as it was sealed")
	log.grow(1)
	require.NoError(t, keeping.Guard(t.Context(), log), "a service that runs has no seal")
	require.NoError(t, keeping.Seal(301), "not everything is signed: no seal")
	log.grow(1)
	require.NoError(t, open(t, keeping.dir).Guard(t.Context(), log))
}

// An event appended by somebody else while the service runs becomes part of the log: that
// it is against the rules is for whoever verifies the histories to find.
func TestNothingIsSignedOverADamagedLog(t *testing.T) {
	log := newLog(300)
	keeping := open(t, t.TempDir())
	keeping.run(t, log)
	signed := keeping.Checkpoint()
	log.grow(3)
	log.entries[301].Sequence = 400
	keeping.run(t, log)
	damageAt(t, keeping.Damage(), 302)
	require.LessOrEqual(t, keeping.Checkpoint().Size, uint64(301))
	require.GreaterOrEqual(t, keeping.Checkpoint().Size, signed.Size)
}

func TestAReplacedCheckpointIsRefused(t *testing.T) {
	dir := t.TempDir()
	keeping := open(t, dir)
	keeping.run(t, newLog(300))
	stranger := open(t, t.TempDir())
	stranger.run(t, newLog(200))
	options := keeping.options()
	path := filepath.Join(options.Dir, "checkpoint")

	for name, replaced := range map[string][]byte{
		"by a stranger's": stranger.Checkpoint().Note, "by nothing": nil,
		"by another size": replace(t, keeping.Checkpoint().Note, "\n300\n", "\n200\n"),
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(path, replaced, 0o600))
			_, err := transparency.Open(options)
			require.ErrorIs(t, err, transparency.ErrCheckpoint)
			require.ErrorIs(t, keeping.Adopt(replaced), transparency.ErrCheckpoint)
		})
	}
}

// The directory and the log were both put back to yesterday's: the newest published
// checkpoint still knows better.
func TestAnOldCopyPutBackIsRefused(t *testing.T) {
	log := newLog(300)
	dir := t.TempDir()
	keeping := open(t, dir)
	keeping.run(t, log)
	old := t.TempDir()
	require.NoError(t, os.CopyFS(old, os.DirFS(dir)))
	require.NoError(t, os.Chmod(filepath.Join(old, "checkpoint.key"), 0o600))
	log.grow(50)
	keeping.run(t, log)

	back := open(t, old)
	require.NoError(t, back.Adopt(keeping.Checkpoint().Note))
	damageAt(t, back.Guard(t.Context(), newLog(300)), 301)

	// With the log of today nothing is lost: the directory catches up.
	back = open(t, old)
	require.NoError(t, back.Adopt(keeping.Checkpoint().Note))
	require.NoError(t, back.Guard(t.Context(), log))
	back.run(t, log)
	require.NoError(t, back.Damage())
	require.Equal(t, keeping.Checkpoint().Root, back.Checkpoint().Root)

	// With another log of the same length it does not.
	back = open(t, old)
	log.entries[320].Body = []byte(`{}`)
	fresh := open(t, t.TempDir())
	require.ErrorIs(t, fresh.Adopt(keeping.Checkpoint().Note), transparency.ErrCheckpoint, "another key")
	require.NoError(t, os.RemoveAll(back.options().Dir))
	back = open(t, old)
	require.NoError(t, back.Adopt(keeping.Checkpoint().Note))
	back.run(t, log)
	require.Error(t, back.Damage())
}

func TestWithoutItsKeyNoLogGoesOn(t *testing.T) {
	keeping := open(t, t.TempDir())
	keeping.run(t, newLog(3))
	options := keeping.options()
	stored, err := os.Stat(options.KeyFile)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), stored.Mode())
	require.NoError(t, os.Chmod(options.KeyFile, 0o644))
	_, err = transparency.Open(options)
	require.ErrorContains(t, err, "others may read it")
	require.NoError(t, os.Remove(options.KeyFile))
	_, err = transparency.Open(options)
	require.ErrorContains(t, err, "bring it back")
	require.NoFileExists(t, options.KeyFile)
}

// Whatever is written beyond the newest checkpoint, as a crash leaves it, is written again.
func TestACrashLeavesNothingThatHarms(t *testing.T) {
	log := newLog(700)
	keeping := open(t, t.TempDir())
	keeping.run(t, log)
	tiles := filepath.Join(keeping.options().Dir, "tile")
	for path, left := range map[string]string{
		"0/002.p/200": "half a ti", "0/002": "", "entries/002.p/200.draft": "x", "0/003": "later", "1/000.p/9": "?",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(tiles, path), []byte(left), 0o600))
	}
	log.grow(400)
	keeping = open(t, keeping.dir)
	keeping.run(t, log)
	require.NoError(t, keeping.Damage())
	require.NoError(t, verify(t, keeping.copy(t), []transparency.Checkpoint{keeping.Checkpoint()}, keeping.copy(t)))
}

func TestAFailedPublishIsRepeated(t *testing.T) {
	keeping := open(t, t.TempDir())
	options := keeping.options()
	publish, failures := options.Publish, 3
	options.Publish = func(ctx context.Context, checkpoint transparency.Checkpoint, key string) error {
		if failures--; failures >= 0 {
			return errors.New("nobody there")
		}
		return publish(ctx, checkpoint, key)
	}
	var err error
	keeping.Log, err = transparency.Open(options)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- keeping.Run(ctx, newLog(5).follow) }()
	require.Eventually(t, func() bool {
		keeping.mu.Lock()
		defer keeping.mu.Unlock()
		return len(keeping.published) == 1
	}, 10*time.Second, time.Millisecond)
	cancel()
	require.NoError(t, <-ended)
	require.Equal(t, keeping.Checkpoint(), keeping.published[0])
}
