-- +goose Up
CREATE TABLE command_ids (
    id      BLOB PRIMARY KEY, -- hash of account and Command-Id
    push_id TEXT NOT NULL     -- the push that the command changed
) WITHOUT ROWID;

-- +goose Down
DROP TABLE command_ids;
