package projections_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/projections"
)

const (
	catchUpFile = "PUSHLEDGER_TEST_CATCH_UP" // set in the process that is killed
	catchUpLog  = 8_000                      // events; a run is killed long before the last
	copies      = 4                          // at the same time
	kills       = 25                         // of each
)

// generated is a log that is the same in every process. It gives its events a few at a
// time, so that they end in many transactions.
type generated struct{ eventstore.Store }

func (generated) LastSequence(context.Context) (uint64, error) { return catchUpLog, nil }

func (generated) Follow(ctx context.Context, after uint64, handle func(eventstore.Recorded) error, _ func()) error {
	for sequence := after + 1; sequence <= catchUpLog; sequence++ {
		text := strconv.FormatUint(sequence*7919, 10)
		if err := handle(eventstore.Recorded{
			Sequence: sequence, Stream: stream, ID: text, Type: "noted", Body: []byte(text),
			Event: noted{text}, Last: sequence%3 == 0 || sequence == catchUpLog,
		}); err != nil {
			return err
		}
		if sequence%40 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	<-ctx.Done()
	return ctx.Err()
}

// catchUp says where the model stands whenever it has come further, until it has come to
// the end. It returns the exit code of its process.
func catchUp(path string) int {
	ctx, stop := context.WithCancel(context.Background())
	served, err := projections.OpenServed(ctx, path, notes(1), generated{}, slog.New(slog.DiscardHandler))
	if err == nil {
		var running sync.WaitGroup
		running.Go(func() { _ = served.Run(ctx) }) // it returns nil
		for next := uint64(1); next <= catchUpLog && err == nil; next = served.Position() + 1 {
			err = served.WaitFor(ctx, next)
			fmt.Println("at", served.Position())
		}
		stop()
		running.Wait()
		err = errors.Join(err, served.Close())
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func TestAProcessThatIsKilledWhileCatchingUpLosesAndRepeatsNothing(t *testing.T) {
	for i := range copies {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			killWhileCatchingUp(t)
		})
	}
}

func killWhileCatchingUp(t *testing.T) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notes.db")
	killed := 0
	for position := uint64(0); position < catchUpLog; {
		child := exec.Command(os.Args[0]) // #nosec G204 -- this very program
		child.Env = append(os.Environ(), catchUpFile+"="+path)
		out, err := child.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, child.Start())
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			at, is := parsePosition(lines.Text())
			if !is {
				continue
			}
			require.GreaterOrEqual(t, at, position, "a restart goes on where the model stood")
			position = at
			if killed < kills && position < catchUpLog {
				break
			}
		}
		if child.Process.Kill() == nil {
			killed++
		}
		_ = child.Wait() // it was killed, or has ended
	}
	require.GreaterOrEqual(t, killed, kills, "the log is too short")

	log := generated{}
	served, _ := serve(t, path, notes(1), log)
	require.NoError(t, served.WaitFor(t.Context(), catchUpLog))
	fresh, _ := serve(t, filepath.Join(t.TempDir(), "fresh.db"), notes(1), log)
	require.NoError(t, fresh.WaitFor(t.Context(), catchUpLog))
	require.Equal(t, servedRows(t, fresh), servedRows(t, served))
}

func parsePosition(line string) (uint64, bool) {
	var at uint64
	_, err := fmt.Sscanf(line, "at %d", &at)
	return at, err == nil
}
