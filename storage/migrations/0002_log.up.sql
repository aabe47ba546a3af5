-- The log of each conversation, who may read it, and the feed of what was committed.
-- Every table of a conversation begins its primary key with conversation_id, so that a log can be
-- distributed by conversation. Events carry no foreign keys: the append holds the conversation's row lock.

CREATE TABLE conversations (
    id uuid PRIMARY KEY,
    subject text NOT NULL,
    project_id uuid REFERENCES projects,
    status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'closed', 'archived')),
    head bigint NOT NULL DEFAULT 0,
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL
) WITH (fillfactor = 70);
COMMENT ON TABLE conversations IS
    'head and last_at change with every append: no index may name them, so that the update stays in its page (HOT).';

CREATE TABLE members (
    conversation_id uuid NOT NULL REFERENCES conversations,
    account_id uuid NOT NULL REFERENCES accounts,
    joined_seq bigint NOT NULL,
    left_seq bigint,
    read_seq bigint NOT NULL DEFAULT 0,
    delivered_seq bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (conversation_id, account_id)
) WITH (fillfactor = 80);
CREATE INDEX members_account ON members (account_id, conversation_id) WHERE left_seq IS NULL;

CREATE TABLE events (
    conversation_id uuid NOT NULL,
    seq bigint NOT NULL,
    kind text NOT NULL,
    actor uuid NOT NULL,
    command_id uuid NOT NULL,
    fingerprint bytea NOT NULL,
    at timestamptz NOT NULL,
    body text,
    data jsonb,
    edited_at timestamptz,
    deleted_at timestamptz,
    PRIMARY KEY (conversation_id, seq)
);
CREATE UNIQUE INDEX events_command ON events (conversation_id, actor, command_id);

CREATE TABLE commits (
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    conversations uuid[] NOT NULL,
    heads bigint[] NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX commits_xid ON commits (xid);
COMMENT ON TABLE commits IS
    'One row per append, found by transaction id: a clock or a sequence would let a follower skip late commits.';
