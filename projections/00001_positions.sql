-- +goose Up
CREATE TABLE positions (
    model       TEXT PRIMARY KEY,
    version     INTEGER NOT NULL, -- of the fold that filled the model's tables
    seq         INTEGER NOT NULL, -- of the last event folded
    fingerprint TEXT NOT NULL     -- of that event, to know the log again
) STRICT;
