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
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// pgStartPatience bounds the start of the database.
const pgStartPatience = 30 * time.Second

// pgSettings are what PostgreSQL's own manual advises for a database that writes much, on a
// machine like those that the service is made for. Everything else is its default: every
// commit is synced, and torn pages are guarded against.
var pgSettings = []string{
	"listen_addresses=", "shared_buffers=1GB", "max_wal_size=4GB", "checkpoint_timeout=15min", "wal_compression=lz4", "jit=off",
	"max_connections=" + strconv.Itoa(pgConnections+10),
}

// errNoPostgres means that there is no PostgreSQL to compare with.
var errNoPostgres = errors.New("no PostgreSQL was found on this machine (on Debian: apt-get install postgresql)")

// startDatabase runs PostgreSQL in a directory that must not be there yet. Its socket is in
// there as well.
func startDatabase(ctx context.Context, dir string, ends *closers) (*process, error) {
	initdb, server, err := findPostgres()
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	owner, err := unprivileged(dir)
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	made := exec.CommandContext(ctx, initdb, "-D", data, "-U", pgUser, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync") // #nosec G204 -- found on this machine
	made.Dir, made.SysProcAttr = dir, owner
	if said, err := made.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, said)
	}
	flags := []string{"-D", data, "-k", dir}
	for _, setting := range pgSettings {
		flags = append(flags, "-c", setting)
	}
	command := exec.Command(server, flags...) // #nosec G204 -- found on this machine
	command.Dir, command.SysProcAttr = dir, owner
	started, err := launch("database", command)
	if err != nil {
		return nil, err
	}
	ends.add(func() error {
		err := command.Process.Signal(syscall.SIGINT) // a fast shutdown
		<-started.ended
		if errors.Is(err, os.ErrProcessDone) {
			return nil
		}
		return err
	})
	ctx, cancel := context.WithTimeout(ctx, pgStartPatience)
	defer cancel()
	return started, started.await(ctx, "ready", func() bool { return answers(ctx, dir) })
}

// pgUser owns the database.
const pgUser = "bench"

// pgAddress is how the database in a directory is reached.
func pgAddress(dir string) string { return "host=" + dir + " user=" + pgUser + " dbname=postgres" }

func answers(ctx context.Context, dir string) bool {
	conn, err := pgx.Connect(ctx, pgAddress(dir))
	return err == nil && conn.Close(ctx) == nil
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
