-- +goose Up
-- How a purchase stands that is not over: running or stuck.
ALTER TABLE pushes ADD COLUMN work TEXT NOT NULL DEFAULT '';

CREATE INDEX pushes_work ON pushes (offered_at, push_id, work) WHERE work <> '';
