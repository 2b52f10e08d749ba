-- +goose Up
CREATE TABLE parties (
    push_id TEXT PRIMARY KEY,
    seller  TEXT NOT NULL,
    buyer   TEXT NOT NULL,
    total   INTEGER NOT NULL -- fen
) STRICT, WITHOUT ROWID;

CREATE TABLE statement_lines (
    account TEXT NOT NULL,
    at      INTEGER NOT NULL, -- microseconds since 1970
    seq     INTEGER NOT NULL, -- of the event that moved the money
    push_id TEXT NOT NULL,
    event   TEXT NOT NULL,
    amount  INTEGER NOT NULL, -- fen; below 0 what the account holds no more
    fee     INTEGER NOT NULL, -- fen
    PRIMARY KEY (account, at, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE days (
    account   TEXT NOT NULL, -- empty: all accounts together
    day       TEXT NOT NULL, -- in UTC, 2026-11-02
    offered   INTEGER NOT NULL,
    completed INTEGER NOT NULL,
    refunded  INTEGER NOT NULL,
    turnover  INTEGER NOT NULL, -- fen
    PRIMARY KEY (account, day)
) STRICT, WITHOUT ROWID;
