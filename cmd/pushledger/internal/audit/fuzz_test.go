package audit_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/audit"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/eventstore/transparency"
)

// bundleOf is an exported bundle of a few events, and the key that vouches for it.
func bundleOf(t testing.TB) (bundle []byte, key string, events uint64) {
	t.Helper()
	dir := t.TempDir()
	m := newMarketOn(t, newMemory())
	m.complete("p", "a.com", "b.com")
	log := entriesOf(t, m.events())
	var published []transparency.Checkpoint
	tree, err := transparency.Open(transparency.Options{
		Dir: filepath.Join(dir, "transparency"), KeyFile: filepath.Join(dir, "key"), Interval: time.Millisecond,
		Logger: slog.New(slog.DiscardHandler),
		Publish: func(_ context.Context, checkpoint transparency.Checkpoint, _ string) error {
			published = append(published, checkpoint)
			return nil
		},
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- tree.Run(ctx, log.follow) }()
	require.Eventually(t, func() bool { return tree.Checkpoint().Size == uint64(len(log)) }, time.Minute, time.Millisecond)
	cancel()
	require.NoError(t, <-ended)
	var out bytes.Buffer
	_, err = transparency.Export(t.Context(), &out, log, tree.Key(), published, nil, func(uint64) {})
	require.NoError(t, err)
	return out.Bytes(), tree.Key(), uint64(len(log))
}

// entries is a log in memory as an audit reads it.
type entries []transparency.Entry

func entriesOf(t testing.TB, events []eventstore.Recorded) entries {
	t.Helper()
	log := make(entries, len(events))
	for i, recorded := range events {
		log[i] = transparency.Entry{
			Stream: "PUSH_EVENTS", Subject: "push.evt." + recorded.Stream.String(), Sequence: recorded.Sequence,
			Time: recorded.Time, Body: recorded.Body,
			Headers: []transparency.Header{
				{Name: "Actor", Value: recorded.Metadata.Actor},
				{Name: "Command-Hash", Value: recorded.Metadata.CommandHash},
				{Name: "Command-Id", Value: recorded.Metadata.CommandID},
				{Name: "Event-Type", Value: recorded.Type},
				{Name: "Event-Version", Value: fmt.Sprint(recorded.Version)},
			},
		}
		if !recorded.Last {
			log[i].Headers = append(log[i].Headers, transparency.Header{Name: "Append-More", Value: "1"})
		}
	}
	return log
}

func (e entries) LastSequence(context.Context) (uint64, error) { return uint64(len(e)), nil }

func (e entries) Entries(_ context.Context, after, upTo uint64, handle func(transparency.Entry) error) error {
	for _, entry := range e[after:min(upTo, uint64(len(e)))] {
		if err := handle(entry); err != nil {
			return err
		}
	}
	return nil
}

func (e entries) follow(ctx context.Context, after uint64, handle func(transparency.Entry) error) error {
	if err := e.Entries(ctx, after, uint64(len(e)), handle); err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

func verifyFile(ctx context.Context, path, key string) (audit.Report, error) {
	bundle, err := audit.OpenBundle(path, key)
	if err != nil {
		return audit.Report{}, err
	}
	defer bundle.Close() //nolint:errcheck // only read
	signed, err := audit.ReadSigned(ctx, bundle, key)
	if err != nil {
		return audit.Report{}, err
	}
	return audit.Verify(ctx, bundle, signed, audit.VerifyOptions{Progress: func(uint64, uint64) {}})
}

// A bundle made to hurt is an error and neither a crash nor the end of memory.
func TestABundleMadeToHurtIsRefused(t *testing.T) {
	whole, key, events := bundleOf(t)
	path := filepath.Join(t.TempDir(), "bundle.zip")
	require.NoError(t, os.WriteFile(path, whole, 0o600))
	report, err := verifyFile(t.Context(), path, key)
	require.NoError(t, err)
	require.Equal(t, events, report.Proved)
	for name, crafted := range map[string][]byte{
		"files that promise exabytes": promising(whole),
		"a bomb":                      rezipped(t, whole, func(string, []byte) []byte { return make([]byte, 64<<20) }),
		"empty files":                 rezipped(t, whole, func(string, []byte) []byte { return nil }),
		"only the checkpoint": rezipped(t, whole, func(name string, data []byte) []byte {
			if name == "checkpoint" {
				return data
			}
			return nil
		}),
		"half of it":   whole[:len(whole)/2],
		"no zip":       []byte("PK\x05\x06"),
		"an empty one": {},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "bundle.zip")
			require.NoError(t, os.WriteFile(path, crafted, 0o600))
			_, err := verifyFile(t.Context(), path, key)
			require.Error(t, err)
		})
	}
}

// promising says of every file of a zip that it is larger than any memory.
func promising(whole []byte) []byte {
	crafted := slices.Clone(whole)
	for at := 0; ; {
		next := bytes.Index(crafted[at:], []byte("PK\x01\x02"))
		if next < 0 {
			return crafted
		}
		at += next
		binary.LittleEndian.PutUint32(crafted[at+24:], 0xFFFF_FFFE) // the length once unpacked
		at += 46
	}
}

func rezipped(t testing.TB, whole []byte, change func(name string, data []byte) []byte) []byte {
	t.Helper()
	files, err := zip.NewReader(bytes.NewReader(whole), int64(len(whole)))
	require.NoError(t, err)
	var out bytes.Buffer
	crafted := zip.NewWriter(&out)
	for _, file := range files.File {
		source, err := file.Open()
		require.NoError(t, err)
		var data bytes.Buffer
		_, err = data.ReadFrom(source)
		require.NoError(t, err)
		target, err := crafted.Create(file.Name)
		require.NoError(t, err)
		_, err = target.Write(change(file.Name, data.Bytes()))
		require.NoError(t, err)
	}
	require.NoError(t, crafted.Close())
	return out.Bytes()
}

// FuzzBundle holds that a bundle which is verified has the events that were signed.
func FuzzBundle(f *testing.F) {
	whole, key, events := bundleOf(f)
	f.Add(whole)
	f.Add(promising(whole))
	f.Add(rezipped(f, whole, func(string, []byte) []byte { return nil }))
	f.Add([]byte("PK\x05\x06"))
	path := filepath.Join(f.TempDir(), "bundle.zip")
	f.Fuzz(func(t *testing.T, bundle []byte) {
		require.NoError(t, os.WriteFile(path, bundle, 0o600))
		report, err := verifyFile(t.Context(), path, key)
		if err == nil {
			require.Equal(t, events, report.Proved)
			require.Equal(t, map[string]int{"Completed": 1}, report.Summary.Statuses)
		}
	})
}

// FuzzHistory holds that events which nobody vouches for yet are refused or add up, and
// crash nobody. Each line is a stream, a type, whether it ends its change, and a body.
func FuzzHistory(f *testing.F) {
	m := newMarketOn(f, newMemory())
	m.complete("p", "a.com")
	m.offer("q", "b.com", "c.com")
	var lines []string
	for _, recorded := range m.events() {
		lines = append(lines, fmt.Sprintf("%s %s %s %t %s", recorded.Stream, recorded.Metadata.Actor, recorded.Type, recorded.Last, recorded.Body))
	}
	f.Add(strings.Join(lines, "\n"))
	f.Add(strings.Join(lines[:2], "\n"))
	f.Add(strings.Join(append(slices.Clone(lines[2:]), lines[:2]...), "\n"))
	f.Add(lines[1] + "\n" + lines[0])
	registry := audit.Registry()
	f.Fuzz(func(t *testing.T, text string) {
		history := audit.NewHistory(false)
		sequence := uint64(0)
		for line := range strings.Lines(text) {
			parts := strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 5)
			if len(parts) < 5 {
				return
			}
			stream, err := eventstore.ParseStreamID(parts[0])
			if err != nil {
				return
			}
			event, err := registry.Decode(parts[2], eventstore.SchemaVersion, []byte(parts[4]))
			if err != nil {
				return
			}
			sequence++
			err = history.Add(eventstore.Recorded{
				Sequence: sequence, Stream: stream, Type: parts[2], Version: eventstore.SchemaVersion,
				Metadata: eventstore.Metadata{Actor: parts[1]}, Event: event, Last: parts[3] == "true",
			})
			if err != nil {
				return
			}
		}
		require.Equal(t, "0.00", history.Summary().Sum)
	})
}
