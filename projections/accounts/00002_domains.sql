-- +goose Up
-- What a statement names; the model is made anew with them.
ALTER TABLE parties ADD COLUMN domain TEXT NOT NULL DEFAULT ''; -- the first of the push
ALTER TABLE parties ADD COLUMN domains INTEGER NOT NULL DEFAULT 0; -- how many there are
