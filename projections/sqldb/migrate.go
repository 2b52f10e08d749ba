package sqldb

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/pressly/goose/v3"
)

// migrate makes the tables of one schema in a new file. It never alters tables that
// hold rows: filling new ones from the log is simpler and always right.
func migrate(ctx context.Context, db *sql.DB, schema Schema) error {
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, schema.Files,
		goose.WithTableName("schema_"+schema.Name), goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return fmt.Errorf("sqldb: schema %s: %w", schema.Name, err)
	}
	current, target, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("sqldb: schema %s: %w", schema.Name, err)
	}
	if current != 0 && current != target {
		return fmt.Errorf("%w: schema %s has version %d, this program needs %d", errStale, schema.Name, current, target)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("sqldb: schema %s: %w", schema.Name, err)
	}
	return nil
}
