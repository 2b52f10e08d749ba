-- +goose Up
CREATE TABLE pushes (
    push_id    TEXT PRIMARY KEY,
    seller     TEXT NOT NULL,
    buyer      TEXT NOT NULL,
    offered_at INTEGER NOT NULL, -- microseconds since 1970
    status     TEXT NOT NULL,
    seq        INTEGER NOT NULL, -- of the push's last event
    state      TEXT NOT NULL     -- JSON of push.State after that event
) STRICT;

-- Lists are read in the order of these, and status is looked at without the row.
CREATE INDEX pushes_all ON pushes (offered_at, push_id, status);
CREATE INDEX pushes_by_seller ON pushes (seller, offered_at, push_id, status);
CREATE INDEX pushes_by_buyer ON pushes (buyer, offered_at, push_id, status);

CREATE TABLE push_domains (
    domain  TEXT NOT NULL, -- A-label
    push_id TEXT NOT NULL,
    PRIMARY KEY (domain, push_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE journal (
    seq          INTEGER NOT NULL, -- of the event that moved the money
    line         INTEGER NOT NULL, -- within that event, from 0
    push_id      TEXT NOT NULL,
    event        TEXT NOT NULL,
    at           INTEGER NOT NULL, -- microseconds since 1970
    from_account TEXT NOT NULL,
    to_account   TEXT NOT NULL,
    amount       INTEGER NOT NULL, -- fen
    PRIMARY KEY (seq, line)
) STRICT, WITHOUT ROWID;

CREATE INDEX journal_by_push ON journal (push_id, seq, line);

CREATE TABLE balances (
    account TEXT PRIMARY KEY,
    amount  INTEGER NOT NULL -- fen
) STRICT, WITHOUT ROWID;

CREATE INDEX balances_open ON balances (account) WHERE amount <> 0;
