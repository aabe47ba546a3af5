-- name: add
-- A new account. A taken address (of those that sign in here) violates accounts_email.
INSERT INTO accounts (id, email, name, role, password_hash)
VALUES (%(id)s, %(email)s, %(name)s, %(role)s, %(password_hash)s)
RETURNING id, name, email, role, suspended_at IS NOT NULL;

-- name: by_email
-- Who signs in here with this address, and the hash of the password.
SELECT id, name, email, role, suspended_at IS NOT NULL, password_hash
  FROM accounts
 WHERE lower(email) = lower(%(email)s) AND password_hash IS NOT NULL;

-- name: get
-- The account as others may know it.
SELECT id, name, email, role, suspended_at IS NOT NULL FROM accounts WHERE id = %(id)s;

-- name: ensure
-- What the host application says of accounts, each named once, which it may say of one for the first time: written only
-- where it differs, in the order of ids, so that two who write the same never wait for each other in a circle. No row
-- for an account that another session added after our snapshot: ask again.
WITH vouched AS (
    SELECT * FROM unnest(%(ids)s::uuid[], %(emails)s::text[], %(names)s::text[], %(roles)s::text[])
               AS v (id, email, name, role)
), changed AS (
    INSERT INTO accounts AS a (id, email, name, role)
    SELECT v.id, v.email, v.name, v.role FROM vouched AS v ORDER BY v.id
        ON CONFLICT (id) DO UPDATE
       SET email = excluded.email, name = excluded.name, role = excluded.role
     WHERE (a.email, a.name, a.role) IS DISTINCT FROM (excluded.email, excluded.name, excluded.role)
    RETURNING a.id, a.name, a.email, a.role, a.suspended_at IS NOT NULL AS suspended
)
SELECT * FROM changed
 UNION ALL
SELECT a.id, a.name, a.email, a.role, a.suspended_at IS NOT NULL
  FROM vouched AS v
  JOIN accounts AS a ON a.id = v.id
 WHERE NOT EXISTS (SELECT FROM changed AS c WHERE c.id = v.id);

-- name: set_password
-- Another password, or none; no row: no such account.
UPDATE accounts SET password_hash = %(password_hash)s, changed_at = clock_timestamp() WHERE id = %(id)s RETURNING id;

-- name: suspend
-- Suspend, or lift it; a second suspension keeps the time of the first.
UPDATE accounts
   SET suspended_at = CASE WHEN %(suspended)s THEN coalesce(suspended_at, clock_timestamp()) END,
       changed_at = clock_timestamp()
 WHERE id = %(id)s
RETURNING id;

-- name: password_of
-- The hash of an account's password; null: it signs in at the host application.
SELECT password_hash FROM accounts WHERE id = %(id)s;

-- name: change_own
-- Another name, another password (nulls change nothing) of one who signs in here, unless the password has become
-- another meanwhile; then no row. A new password ends the other sessions: their ids.
WITH changed AS (
    UPDATE accounts AS a
       SET name = coalesce(%(name)s::text, a.name),
           password_hash = coalesce(%(new_hash)s::text, a.password_hash),
           changed_at = clock_timestamp()
     WHERE a.id = %(id)s AND a.password_hash IS NOT NULL
       AND (%(new_hash)s::text IS NULL OR a.password_hash = %(old_hash)s::text)
    RETURNING a.*
), ended AS (
    UPDATE sessions AS s
       SET revoked_at = clock_timestamp()
      FROM changed AS c
     WHERE %(new_hash)s::text IS NOT NULL AND s.account_id = c.id AND s.id <> %(session)s
       AND s.revoked_at IS NULL AND s.expires_at > clock_timestamp()
    RETURNING s.id
)
SELECT c.id, c.name, c.email, c.role, c.suspended_at IS NOT NULL, ARRAY(SELECT e.id FROM ended AS e)
  FROM changed AS c;
