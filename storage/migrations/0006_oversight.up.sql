-- What administrators do and read is written down; who there is can be looked up by name; the log has a time axis.

CREATE TABLE audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor uuid NOT NULL,
    action text NOT NULL,
    target uuid,
    detail jsonb NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE audit IS
    'Each row is written by the statement that does, or reads, what it tells of. No foreign keys: it outlives them.';
CREATE INDEX audit_actor ON audit (actor, id);
CREATE INDEX audit_target ON audit (target, id);

ALTER TABLE accounts ADD COLUMN changed_at timestamptz, ADD COLUMN fingerprint bytea;
COMMENT ON COLUMN accounts.changed_at IS
    'When name, role, password or suspension were changed here: edges then forget what they remember of the account.';
COMMENT ON COLUMN accounts.fingerprint IS 'Of the request that made it, whose id is derived from (asker, key).';
ALTER TABLE projects ADD COLUMN fingerprint bytea;

-- The ids are left out of these indexes on purpose: a plan made while the tables are empty could otherwise look an
-- id up in them instead of in the primary key, by reading all of the index. Equal names are sorted as they come.
CREATE INDEX accounts_name ON accounts ((lower(name) COLLATE "C"));
CREATE INDEX accounts_staff ON accounts (id) WHERE role <> 'client';
CREATE INDEX accounts_changed ON accounts (changed_at) WHERE changed_at IS NOT NULL;
CREATE INDEX projects_name ON projects ((lower(name) COLLATE "C"));
CREATE INDEX conversations_created ON conversations (created_at);

-- Who was a member once, for those who meet the name in an old log.
CREATE INDEX members_past ON members (account_id, conversation_id) WHERE left_seq IS NOT NULL;

-- Times grow with the table, so a range of blocks is told from another by two numbers. The blocks being filled are
-- not summarised yet, which is why an append pays next to nothing for it (storage/README.md).
CREATE INDEX events_at ON events USING brin (at) WITH (pages_per_range = 32, autosummarize = on);
