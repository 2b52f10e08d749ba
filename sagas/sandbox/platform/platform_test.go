package platform_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/eventstore/natsserver"
	"github.com/pushledger/pushledger/sagas/registrar"
	"github.com/pushledger/pushledger/sagas/registrar/natsregistrar"
	"github.com/pushledger/pushledger/sagas/registrar/registrartest"
	"github.com/pushledger/pushledger/sagas/sandbox/platform"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	patience = 30 * time.Second       // for what must come
	silence  = 150 * time.Millisecond // after which nothing comes any more
)

var start = time.Date(2026, 11, 2, 12, 0, 0, 123456789, time.UTC)

// sandbox is a running platform and a client of it.
type sandbox struct {
	*natsregistrar.Client
	conn *nats.Conn
	js   jetstream.JetStream
	stop func()
}

func inventory(t testing.TB, text string) platform.Inventory {
	t.Helper()
	parsed, err := platform.ParseInventory([]byte(text), start)
	require.NoError(t, err)
	return parsed
}

const people = `{"accounts":[{"account":"ann"},{"account":"bob"}],"domains":[{"domain":"a.com","account":"ann"},{"domain":"b.com","account":"ann"}]}`

// run starts a server on a directory and the platform on it.
func run(t testing.TB, dir string, holds platform.Inventory) sandbox {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	server, err := natsserver.Start(natsserver.Options{StoreDir: dir, Listen: "127.0.0.1:0", Logger: quiet})
	require.NoError(t, err)
	conn, err := server.Connect("test", natsserver.Grant{Name: "test", Publish: []string{">"}, Subscribe: []string{">"}})
	require.NoError(t, err)
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	kv, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "PLATFORM"})
	require.NoError(t, err)
	require.NoError(t, natsregistrar.EnsureStream(ctx, js))
	taken, err := natsregistrar.OpenIntake(conn, quiet)
	require.NoError(t, err)
	running, err := platform.Start(ctx, platform.Config{
		Conn: conn, KV: kv, Inventory: holds, Logger: quiet, Now: func() time.Time { return start },
	})
	require.NoError(t, err)
	stop := sync.OnceFunc(func() {
		running.Close()
		require.NoError(t, taken.Close())
		conn.Close()
		require.NoError(t, server.Close())
	})
	t.Cleanup(stop)
	return sandbox{Client: natsregistrar.New(conn, patience), conn: conn, js: js, stop: stop}
}

// reply is the answer to a control.
type reply struct {
	OK       bool   `json:"ok"`
	Domain   string `json:"domain"`
	Account  string `json:"account"`
	Revision uint64 `json:"revision"`
	EventID  string `json:"event_id"`
	AuthCode string `json:"auth_code"`
	Error    struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

// control orders what must succeed or be refused with a code.
func (s sandbox) control(t testing.TB, name, body, code string) reply {
	t.Helper()
	message, err := s.conn.Request("sandbox."+name, []byte(body), patience)
	require.NoError(t, err)
	var said reply
	require.NoError(t, json.Unmarshal(message.Data, &said, json.RejectUnknownMembers(true)))
	require.Equal(t, code, said.Error.Code, said.Error.Message)
	require.Equal(t, code == "", said.OK)
	return said
}

func (s sandbox) do(t testing.TB, name, format string, values ...any) reply {
	t.Helper()
	return s.control(t, name, fmt.Sprintf(format, values...), "")
}

func (s sandbox) facts(t testing.TB, name domainname.Name) push.DomainFacts {
	t.Helper()
	list, err := s.Facts(context.Background(), []domainname.Name{name})
	require.NoError(t, err)
	return list[0]
}

func sale(operation string) registrar.Move {
	return registrar.Move{OperationID: operation, Domain: "a.com", From: "ann", To: "bob"}
}

// briefly bounds a call that is never answered.
func briefly(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), silence)
	t.Cleanup(cancel)
	return ctx
}

// events waits for the given number of the registrar's events and returns them.
func (s sandbox) events(t testing.TB, count int) []registrar.Event {
	t.Helper()
	stream, err := s.js.Stream(context.Background(), natsregistrar.Stream)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		info, err := stream.Info(context.Background())
		return err == nil && info.State.Msgs >= uint64(count)
	}, patience, 5*time.Millisecond)
	info, err := stream.Info(context.Background())
	require.NoError(t, err)
	require.Equal(t, uint64(count), info.State.Msgs)
	var list []registrar.Event
	for i := range count {
		message, err := stream.GetMsg(context.Background(), uint64(i)+1)
		require.NoError(t, err)
		event, err := natsregistrar.DecodeEvent(message.Data)
		require.NoError(t, err)
		require.Equal(t, "registrar.kept."+event.Kind, message.Subject)
		require.Equal(t, event.ID, message.Header.Get("Nats-Msg-Id"))
		list = append(list, event)
	}
	return list
}

func TestConformance(t *testing.T) {
	registrartest.Run(t, func(t *testing.T) registrartest.World {
		s := run(t, t.TempDir(), platform.Inventory{})
		set := func(t *testing.T, control string, facts any) {
			body, err := json.Marshal(facts)
			require.NoError(t, err)
			s.control(t, control, string(body), "")
		}
		return registrartest.World{
			Registrar: s, Directory: s,
			SetDomain:  func(t *testing.T, facts push.DomainFacts) { set(t, "registrar.set", facts) },
			SetAccount: func(t *testing.T, facts push.AccountFacts) { set(t, "accounts.set", facts) },
			LoseAnswer: func(t *testing.T, name domainname.Name) {
				s.do(t, "registrar.fault", `{"domain":%q,"op":"move","mode":"done_but_timeout","times":1}`, name)
			},
			LoseHoldAnswer: func(t *testing.T, name domainname.Name) {
				s.do(t, "registrar.fault", `{"domain":%q,"op":"hold","mode":"done_but_timeout","times":1}`, name)
			},
		}
	})
}

func TestStateSurvivesRestart(t *testing.T) {
	dir := t.TempDir()
	before := run(t, dir, inventory(t, people))
	done, err := before.Move(t.Context(), sale("op-1"))
	require.NoError(t, err)
	gone, err := before.Move(t.Context(), registrar.Move{OperationID: "op-2", Domain: "nobodys.com", From: "ann", To: "bob"})
	require.NoError(t, err)
	before.do(t, "accounts.set", `{"account":"ann","real_name_verified":false}`)
	facts := before.facts(t, "a.com")
	before.stop()

	after := run(t, dir, inventory(t, `{"accounts":[{"account":"ann"},{"account":"eve"}],"domains":[
		{"domain":"a.com","account":"eve"},{"domain":"c.com","account":"eve"},{"domain":"nobodys.com","account":"eve"}]}`))
	require.Equal(t, facts, after.facts(t, "a.com"), "the inventory changes nothing that is there")
	require.Equal(t, "ann", after.facts(t, "b.com").Account)
	require.Equal(t, "eve", after.facts(t, "c.com").Account, "and adds what is not")
	require.Equal(t, "eve", after.facts(t, "nobodys.com").Account, "also what was only heard of")
	ann, err := after.Account(t.Context(), "ann")
	require.NoError(t, err)
	require.False(t, ann.RealNameVerified)
	for id, answer := range map[string]registrar.MoveResult{"op-1": done, "op-2": gone} {
		remembered, err := after.Operation(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, answer, remembered)
	}
	after.events(t, 1)
}

func TestWholeBatchAtOnce(t *testing.T) {
	s := run(t, t.TempDir(), inventory(t, `{"accounts":[{"account":"ann"},{"account":"bob"}]}`))
	names := make([]domainname.Name, push.MaxItems)
	var work sync.WaitGroup
	for i := range names {
		names[i] = domainname.Name(fmt.Sprintf("batch-%d.com", i))
		work.Go(func() {
			_, err := s.conn.Request("sandbox.registrar.set", fmt.Appendf(nil, `{"domain":%q,"account":"ann"}`, names[i]), patience)
			if err != nil {
				t.Error(err)
			}
		})
	}
	work.Wait()
	for _, name := range names {
		work.Go(func() {
			result, err := s.Move(t.Context(), registrar.Move{OperationID: "op-" + string(name), Domain: name, From: "ann", To: "bob"})
			if err != nil || result.State != registrar.MoveDone {
				t.Errorf("%s: %+v, %v", name, result, err)
			}
		})
	}
	work.Wait()
	// One question for all of them is more than the client asks at once, and is answered too.
	body, err := json.Marshal(map[string]any{"domains": names})
	require.NoError(t, err)
	message, err := s.conn.Request(natsregistrar.SubjectFacts, body, patience)
	require.NoError(t, err)
	var answer struct{ Facts []push.DomainFacts }
	require.NoError(t, json.Unmarshal(message.Data, &answer, json.MatchCaseInsensitiveNames(true)))
	require.Len(t, answer.Facts, len(names))
	for i, facts := range answer.Facts {
		require.Equal(t, names[i], facts.Domain)
		require.Equal(t, "bob", facts.Account)
	}
	s.events(t, len(names))
}

func TestRequestsThatAreNotOfTheContract(t *testing.T) {
	s := run(t, t.TempDir(), inventory(t, people))
	for subject, bodies := range map[string][]string{
		natsregistrar.SubjectFacts:     {``, `[]`, `{"domains":"a.com"}`, `{"domains":["no name"]}`},
		natsregistrar.SubjectMove:      {`{}`, `{"operation_id":"a b","domain":"a.com","from":"ann","to":"bob"}`, `{"operation_id":"x","domain":"a.com","from":"ann","to":"b.b"}`, `{"operation_id":"x","domain":"a.com","from":"ann","to":"bob","registrant":"Bob & Co"}`},
		natsregistrar.SubjectHold:      {`{"operation_id":"x","domain":"a.com"}`, `{"operation_id":"","domain":"a.com","hold":true}`, `{"operation_id":"x","domain":"a","hold":true}`},
		natsregistrar.SubjectOperation: {`null`, `{"operation_id":""}`},
		natsregistrar.SubjectAccount:   {`{"account":"*"}`},
	} {
		for _, body := range bodies {
			message, err := s.conn.Request(subject, []byte(body), patience)
			require.NoError(t, err)
			var said reply
			require.NoError(t, json.Unmarshal(message.Data, &said), "%s %s", subject, body)
			require.False(t, said.OK)
			require.NotEmpty(t, said.Error.Code)
		}
	}
	require.Equal(t, "ann", s.facts(t, "a.com").Account)
}

func TestAnswersGoToInboxesOnly(t *testing.T) {
	s := run(t, t.TempDir(), inventory(t, people))
	heard, err := s.conn.SubscribeSync("elsewhere.>")
	require.NoError(t, err)
	require.NoError(t, s.conn.PublishRequest("sandbox.registrar.set", "elsewhere.1", []byte(`{"domain":"a.com","account":"bob"}`)))
	_, err = heard.NextMsg(silence)
	require.ErrorIs(t, err, nats.ErrTimeout)
	require.Equal(t, "ann", s.facts(t, "a.com").Account, "nor is such a request executed")
}

func TestDemoInventoryIsReadable(t *testing.T) {
	loaded, err := platform.LoadInventory(filepath.Join("..", "..", "..", "testdata", "demo", "inventory.json"))
	require.NoError(t, err)
	require.NotEmpty(t, loaded.Accounts())
}
