-- +goose Up
-- The day of a bill, of lines that no push has made.
ALTER TABLE journal ADD COLUMN bill_day TEXT NOT NULL DEFAULT '';

CREATE TABLE bills (
    day         TEXT PRIMARY KEY, -- of the payment provider
    seq         INTEGER NOT NULL,
    at          INTEGER NOT NULL, -- microseconds since 1970
    fees        INTEGER NOT NULL, -- fen
    fees_back   INTEGER NOT NULL, -- fen
    payments    INTEGER NOT NULL,
    refunds     INTEGER NOT NULL,
    expenses    INTEGER NOT NULL,
    differences INTEGER NOT NULL,
    digest      TEXT NOT NULL
) STRICT, WITHOUT ROWID;
