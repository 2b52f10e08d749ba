package bench

import (
	"context"
	"errors"
	"fmt"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/audit"
	eventlog "github.com/pushledger/pushledger/eventstore/jetstream"
	"github.com/pushledger/pushledger/eventstore/natsserver"
)

// build fills the log of an empty data directory with purchases and open offers. It is not synced event by
// event: what is measured comes after.
func build(ctx context.Context, options Options, data string, log *history) (err error) {
	server, err := natsserver.Start(natsserver.Options{StoreDir: audit.NATSDir(data), Logger: options.Logger})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	conn, err := server.Connect("bench", natsserver.Grant{Name: "bench", Publish: []string{">"}, Subscribe: []string{">"}})
	if err != nil {
		return err
	}
	defer conn.Close()
	end, told := log.newest(), uint64(0)
	return eventlog.Restore(ctx, conn, log, func(sequence uint64) {
		if percent := sequence * 100 / end; percent != told {
			told = percent
			options.Progress(fmt.Sprintf("build a ledger of %d purchases: %d %%", log.purchases, percent))
		}
	})
}
