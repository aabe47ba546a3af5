-- Who there is, how they sign in, and the projects they work on.

CREATE TABLE accounts (
    id uuid PRIMARY KEY,
    email text NOT NULL DEFAULT '',
    name text NOT NULL DEFAULT '',
    role text NOT NULL CHECK (role IN ('client', 'agent', 'admin')),
    password_hash text,
    created_at timestamptz NOT NULL DEFAULT now(),
    suspended_at timestamptz
);
COMMENT ON TABLE accounts IS
    'A row without a password hash belongs to the host application, whose addresses need not be unique.';
CREATE UNIQUE INDEX accounts_email ON accounts (lower(email)) WHERE password_hash IS NOT NULL;
CREATE INDEX accounts_suspended ON accounts (id) WHERE suspended_at IS NOT NULL;

CREATE TABLE sessions (
    id uuid PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES accounts,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    refresh_hash bytea NOT NULL,
    previous_hash bytea,
    rotated_at timestamptz,
    revoked_at timestamptz
);
COMMENT ON COLUMN sessions.previous_hash IS
    'The refresh token before the current one: presented late, it was stolen, and the session ends.';
CREATE UNIQUE INDEX sessions_refresh ON sessions (refresh_hash);
CREATE INDEX sessions_previous ON sessions (previous_hash) WHERE previous_hash IS NOT NULL;
CREATE INDEX sessions_account ON sessions (account_id);
CREATE INDEX sessions_revoked ON sessions (revoked_at) WHERE revoked_at IS NOT NULL;
CREATE INDEX sessions_expiry ON sessions (expires_at);

CREATE TABLE revoked_tokens (
    jti text PRIMARY KEY,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX revoked_tokens_revoked ON revoked_tokens (revoked_at);

CREATE TABLE projects (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE project_members (
    project_id uuid NOT NULL REFERENCES projects,
    account_id uuid NOT NULL REFERENCES accounts,
    PRIMARY KEY (project_id, account_id)
);
CREATE INDEX project_members_account ON project_members (account_id);
