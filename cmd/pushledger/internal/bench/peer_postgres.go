package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// pgConnections is how many connections share all calls in flight: beyond this
// PostgreSQL only gets slower.
const pgConnections = 64

// pgStartPatience bounds the start of the database.
const pgStartPatience = 30 * time.Second

// postgres is an event store as one would build it on PostgreSQL: a table of events
// with a unique (stream, version), two of which are inserted in one transaction with
// synchronous commit.
type postgres struct {
	dir    string
	server *exec.Cmd
	pool   *pgxpool.Pool
	next   atomic.Int64
	body   []byte
}

// errNoPostgres means that there is no PostgreSQL to compare with.
var errNoPostgres = errors.New("no PostgreSQL was found on this machine")

// startPostgres makes a database in a new directory. Its settings are PostgreSQL's own
// defaults, except for the number of connections.
func startPostgres(ctx context.Context, size int) (p *postgres, err error) {
	initdb, server, err := findPostgres()
	if err != nil {
		return nil, err
	}
	p = &postgres{body: make([]byte, size)}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	if p.dir, err = os.MkdirTemp("", "pushledger-bench-postgres-"); err != nil {
		return p, err
	}
	owner, err := unprivileged(p.dir)
	if err != nil {
		return p, err
	}
	data := filepath.Join(p.dir, "data")
	made := exec.CommandContext(ctx, initdb, "-D", data, "-U", "bench", "-A", "trust", "-E", "UTF8", "--locale=C") // #nosec G204 -- found on this machine
	made.Dir, made.SysProcAttr = p.dir, owner
	if said, err := made.CombinedOutput(); err != nil {
		return p, fmt.Errorf("initdb: %w: %s", err, said)
	}
	p.server = exec.Command(server, "-D", data, "-k", p.dir, "-c", "listen_addresses=", "-c", "max_connections="+strconv.Itoa(pgConnections+10)) // #nosec G204 -- found on this machine
	p.server.Dir, p.server.SysProcAttr = p.dir, owner
	if err := p.server.Start(); err != nil {
		return p, err
	}
	return p, p.connect(ctx)
}

// findPostgres looks on the path and where Debian puts it.
func findPostgres() (initdb, server string, err error) {
	places, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", "", err
	}
	slices.Sort(places)
	if found, err := exec.LookPath("postgres"); err == nil {
		if found, err = filepath.EvalSymlinks(found); err == nil {
			places = append(places, filepath.Dir(found))
		}
	}
	for _, place := range slices.Backward(places) {
		initdb, server = filepath.Join(place, "initdb"), filepath.Join(place, "postgres")
		if exec.Command(initdb, "--version").Run() == nil && exec.Command(server, "--version").Run() == nil { // #nosec G204 -- found on this machine
			return initdb, server, nil
		}
	}
	return "", "", errNoPostgres
}

// unprivileged gives the directory to a user who may run PostgreSQL, which refuses to
// run as root.
func unprivileged(dir string) (*syscall.SysProcAttr, error) {
	if os.Geteuid() != 0 {
		return &syscall.SysProcAttr{}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(found.Uid, 10, 32)
		if err != nil {
			return nil, err
		}
		gid, err := strconv.ParseUint(found.Gid, 10, 32)
		if err != nil {
			return nil, err
		}
		if err := os.Chown(dir, int(uid), int(gid)); err != nil {
			return nil, err
		}
		return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
	}
	return nil, errors.New("no user to run PostgreSQL as")
}

func (p *postgres) connect(ctx context.Context) error {
	config, err := pgxpool.ParseConfig("host=" + p.dir + " user=bench dbname=postgres")
	if err != nil {
		return err
	}
	config.MaxConns = pgConnections
	if p.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, pgStartPatience)
	defer cancel()
	for {
		_, err := p.pool.Exec(ctx, `CREATE TABLE IF NOT EXISTS events (
			position bigserial PRIMARY KEY, stream text NOT NULL, version int NOT NULL,
			type text NOT NULL, body bytea NOT NULL, UNIQUE (stream, version))`)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL does not start: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (p *postgres) close() error {
	if p.pool != nil {
		p.pool.Close()
	}
	var err error
	if p.server != nil && p.server.Process != nil {
		err = p.server.Process.Signal(syscall.SIGINT) // a fast shutdown
		_ = p.server.Wait()                           // how it ended no longer matters
	}
	return errors.Join(err, os.RemoveAll(p.dir))
}

// insert stores two events of two new streams in one transaction, which goes to the
// server in one round trip.
func (p *postgres) insert(ctx context.Context, _ int) error {
	number := strconv.FormatInt(p.next.Add(1), 10)
	const statement = "INSERT INTO events (stream, version, type, body) VALUES ($1, $2, $3, $4)"
	var batch pgx.Batch
	batch.Queue("BEGIN")
	batch.Queue(statement, "domain."+number, 1, "Reserved", p.body)
	batch.Queue(statement, "push."+number, 1, "Offered", p.body)
	batch.Queue("COMMIT")
	return p.pool.SendBatch(ctx, &batch).Close()
}
