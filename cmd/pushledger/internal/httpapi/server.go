// Package httpapi is the door for queries over HTTP, described by /openapi.json. Every
// answer but those of /openapi.json, /healthz, /readyz and /metrics needs a bearer token; a trader
// is shown its own pushes and nothing else (rule T1). Errors are problem documents (RFC
// 9457) with the codes of the ledger.
//
// The header Min-Seq holds an answer back until it shows that position of the ledger, so
// that whoever sent a command reads what it wrote.
package httpapi

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/go-json-experiment/json"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/acceptance"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/gate"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/identity"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/telemetry"
	"github.com/pushledger/pushledger/projections"
	"github.com/pushledger/pushledger/projections/accounts"
	"github.com/pushledger/pushledger/projections/pushes"
)

// maxBody bounds what is read of a request. Queries have no body.
const maxBody = 4 << 10

// readRoom is for a request that waits for Min-Seq as long as it may.
const readRoom = 10 * time.Second

// Config is what the door needs; every field.
type Config struct {
	Pushes     *pushes.Queries
	Accounts   *accounts.Queries
	Acceptance *acceptance.Queries
	Models     []*projections.Served // every read model of the service
	// Stopping is closed when the service is about to end: who follows events is told
	// to go.
	Stopping <-chan struct{}
	// Silent names the partners that have not answered since the start.
	Silent func() []string
	// Authenticate says who bears a token, as identity.Verifier.Verify does.
	Authenticate func(token string) (identity.Identity, error)
	// Certified demands a client certificate beside the token. What needs no token needs
	// none either: a payment provider's notifications come without one.
	Certified bool
	Metrics   *telemetry.Metrics
	Version   string // of the program, shown in the description
	Logger    *slog.Logger
}

type server struct {
	Config
	api     huma.API
	streams *gate.Gate
	copying sync.Mutex // held while a copy of a read model is made and sent
}

// New returns the handler of every path that it describes, of /healthz, /readyz and /metrics;
// any other path is answered 404. The time for a request and the size of its header are
// the http.Server's to bound; no answer takes longer than projections.MaxPatience plus
// the query itself.
func New(config Config) http.Handler {
	mux := http.NewServeMux()
	server := &server{
		Config: config, api: humago.New(mux, description(config.Version)), streams: gate.New(eventStreams, eventStreamsOne),
	}
	server.addOperations()
	server.addEvents()
	server.addProjections()
	mux.HandleFunc("GET /openapi.json", described(server.api.OpenAPI()))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { writeOK(w) })
	mux.HandleFunc("GET /readyz", server.ready)
	mux.Handle("GET /metrics", config.Metrics.Handler())
	mux.Handle("/", elsewhere{mux})
	return http.MaxBytesHandler(protected(once(config.Metrics.Timed(mux))), maxBody)
}

func description(version string) huma.Config {
	config := huma.DefaultConfig("PushLedger", version)
	config.Info.Description = "Queries on priced domain pushes."
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"bearer": {Type: "http", Scheme: "bearer", BearerFormat: "JWT"},
	}
	config.OpenAPIPath, config.DocsPath, config.SchemasPath, config.CreateHooks = "", "", "", nil
	config.RejectUnknownQueryParameters = true
	strict := huma.Format{
		Marshal: func(w io.Writer, value any) error {
			return json.MarshalWrite(w, value, json.Deterministic(true))
		},
		Unmarshal: func(data []byte, into any) error { return json.Unmarshal(data, into) },
	}
	config.Formats = map[string]huma.Format{"application/json": strict, "json": strict}
	return config
}

// described serves the description of all operations, written once: the library's own
// handler writes it at the first request, and races with itself.
func described(api *huma.OpenAPI) http.HandlerFunc {
	text, err := api.MarshalJSON()
	if err != nil {
		panic(err) // the operations are the program's own
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(text) // the caller has gone, nobody is left to tell
	}
}

// protected keeps answers, which are for one account, out of caches.
func protected(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		// A query may wait for Min-Seq longer than a request may take to be read. What
		// is no connection of a server has no such bound.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(projections.MaxPatience + readRoom))
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), remoteKey{}, r.RemoteAddr)))
	})
}

type remoteKey struct{}

// remoteOf is the address that a request came from, which proves no person.
func remoteOf(ctx context.Context) string {
	remote, _ := ctx.Value(remoteKey{}).(string) // without one: nobody is told where
	return remote
}

func writeOK(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, "ok\n") // the caller has gone, nobody is left to tell
}

// Freshness is what a caller may demand of any answer.
type Freshness struct {
	MinSeq  string `header:"Min-Seq" doc:"Wait until the answer shows this sequence of the ledger." pattern:"^[0-9]{1,20}$"`
	Timeout string `header:"Min-Seq-Timeout" doc:"How long to wait at most before 503, above 0 and up to 30s." default:"2s" example:"500ms"`
}

func (f Freshness) wanted() (minSeq, timeout string) { return f.MinSeq, f.Timeout }

type fresh interface {
	wanted() (minSeq, timeout string)
}

type output[T any] struct{ Body T }

// get adds a query on a read model that is answered with a JSON body.
func get[I fresh, O any](
	s *server, model *projections.Served, name, path, summary string, query func(context.Context, pushes.Viewer, I) (O, error),
) {
	answer(s, model, operation(s, http.MethodGet, name, path, summary), func(ctx context.Context, viewer pushes.Viewer, input I) (*output[O], error) {
		body, err := query(ctx, viewer, input)
		return &output[O]{Body: body}, err
	})
}

// answer adds one query. Whoever asks has been identified, and waits for the position
// that it wants to see.
func answer[I fresh, O any](
	s *server, model *projections.Served, described huma.Operation, query func(context.Context, pushes.Viewer, I) (*O, error),
) {
	huma.Register(s.api, described, func(ctx context.Context, input *I) (*O, error) {
		minSeq, timeout := (*input).wanted()
		if err := model.Await(ctx, minSeq, timeout); err != nil {
			return nil, s.explain(ctx, err)
		}
		found, err := query(ctx, viewerOf(ctx), *input)
		if err != nil {
			return nil, s.explain(ctx, err)
		}
		return found, nil
	})
}

func operation(s *server, method, name, path, summary string) huma.Operation {
	return huma.Operation{
		OperationID: name, Method: method, Path: path, Summary: summary,
		Security: []map[string][]string{{"bearer": {}}}, Middlewares: huma.Middlewares{s.identify},
	}
}
