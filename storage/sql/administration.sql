-- name: page
-- A page of all accounts by name, for administrators. `query` is looked for in name and address.
SELECT a.id, a.name, a.email, a.role, a.suspended_at, a.password_hash IS NOT NULL, a.created_at,
       lower(a.name) COLLATE "C"
  FROM accounts AS a
 WHERE (lower(a.name) COLLATE "C", a.id) > (%(after_name)s::text, %(after_id)s::uuid)
   AND (strpos(lower(a.name), lower(%(query)s::text)) > 0 OR strpos(lower(a.email), lower(%(query)s::text)) > 0)
   AND (%(role)s::text IS NULL OR a.role = %(role)s)
   AND (%(suspended)s::boolean IS NULL OR (a.suspended_at IS NOT NULL) = %(suspended)s)
 ORDER BY lower(a.name) COLLATE "C", a.id
 LIMIT %(limit)s;

-- name: get
-- One account as an administrator sees it.
SELECT a.id, a.name, a.email, a.role, a.suspended_at, a.password_hash IS NOT NULL, a.created_at
  FROM accounts AS a
 WHERE a.id = %(id)s;

-- name: create
-- An account that signs in here, under an id that the wish for it was given; it is noted. Asked again it is found,
-- and whether the wish was the same is told. A taken address violates accounts_email. No row at all if another
-- session made it after our snapshot: ask again.
WITH made AS (
    INSERT INTO accounts (id, email, name, role, password_hash, fingerprint)
    VALUES (%(id)s, %(email)s, %(name)s, %(role)s, %(password_hash)s, %(fingerprint)s)
        ON CONFLICT (id) DO NOTHING
    RETURNING *
), noted AS (
    INSERT INTO audit (actor, action, target, detail)
    SELECT %(actor)s, 'account_created', made.id,
           jsonb_build_object('email', made.email, 'name', made.name, 'role', made.role)
      FROM made
)
SELECT a.id, a.name, a.email, a.role, a.suspended_at, true, a.created_at, false, true FROM made AS a
 UNION ALL
SELECT a.id, a.name, a.email, a.role, a.suspended_at, a.password_hash IS NOT NULL, a.created_at,
       true, a.fingerprint IS NOT DISTINCT FROM %(fingerprint)s
  FROM accounts AS a
 WHERE a.id = %(id)s AND NOT EXISTS (SELECT FROM made);

-- name: change
-- Another name or role, suspended or not any more (a null changes nothing), noted; a suspension ends the sessions.
-- Refused: `hosted`, a name or role that the host application's tokens would undo; `last`, if nobody would be left
-- who administers. For that all administrators are locked, in the order of ids, so of two who demote each other one
-- sees what the other did. One row, with the refusal or the account; no row: no such account.
WITH locked AS MATERIALIZED (
    SELECT a.id, a.name, a.role, a.suspended_at, a.password_hash IS NOT NULL AS local
      FROM accounts AS a
     WHERE a.id = %(id)s OR (a.role = 'admin' AND a.suspended_at IS NULL)
     ORDER BY a.id
       FOR NO KEY UPDATE
), judged AS MATERIALIZED (
    SELECT l.id,
           CASE WHEN NOT l.local AND coalesce(%(role)s::text, l.role) <> l.role THEN 'hosted_role'
                WHEN NOT l.local AND coalesce(%(name)s::text, l.name) <> l.name THEN 'hosted_name'
                WHEN l.role = 'admin' AND l.suspended_at IS NULL
                     AND (coalesce(%(role)s::text, 'admin') <> 'admin' OR coalesce(%(suspended)s::boolean, false))
                     AND NOT EXISTS (SELECT FROM locked AS o
                                      WHERE o.id <> l.id AND o.role = 'admin' AND o.suspended_at IS NULL)
                THEN 'last'
                ELSE '' END AS refusal
      FROM locked AS l
     WHERE l.id = %(id)s
), changed AS (
    UPDATE accounts AS a
       SET name = coalesce(%(name)s::text, a.name),
           role = coalesce(%(role)s::text, a.role),
           suspended_at = CASE WHEN %(suspended)s::boolean THEN coalesce(a.suspended_at, clock_timestamp())
                               WHEN NOT %(suspended)s::boolean THEN NULL
                               ELSE a.suspended_at END,
           changed_at = clock_timestamp()
      FROM judged AS j
     WHERE a.id = j.id AND j.refusal = ''
    RETURNING a.*
), ended AS (
    UPDATE sessions AS s
       SET revoked_at = clock_timestamp()
      FROM changed AS c
     WHERE c.suspended_at IS NOT NULL
       AND s.account_id = c.id AND s.revoked_at IS NULL AND s.expires_at > clock_timestamp()
), noted AS (
    INSERT INTO audit (actor, action, target, detail)
    SELECT %(actor)s, 'account_changed', c.id,
           jsonb_strip_nulls(jsonb_build_object('name', %(name)s::text, 'role', %(role)s::text,
                                                'suspended', %(suspended)s::boolean))
      FROM changed AS c
)
SELECT c.id, c.name, c.email, c.role, c.suspended_at, c.password_hash IS NOT NULL, c.created_at, j.refusal
  FROM judged AS j
  LEFT JOIN changed AS c ON true;

-- name: reset_password
-- Another password for one who signs in here; the sessions end, and it is noted. The ids of the sessions, and
-- whether there is a password to replace; no row: no such account.
WITH changed AS (
    UPDATE accounts AS a SET password_hash = %(password_hash)s, changed_at = clock_timestamp()
     WHERE a.id = %(id)s AND a.password_hash IS NOT NULL
    RETURNING a.id
), ended AS (
    UPDATE sessions AS s SET revoked_at = clock_timestamp() FROM changed AS c
     WHERE s.account_id = c.id AND s.revoked_at IS NULL AND s.expires_at > clock_timestamp()
    RETURNING s.id
), noted AS (
    INSERT INTO audit (actor, action, target) SELECT %(actor)s, 'password_reset', c.id FROM changed AS c
)
SELECT ARRAY(SELECT e.id FROM ended AS e), EXISTS (SELECT FROM changed) FROM accounts AS a WHERE a.id = %(id)s;

-- name: end_sessions
-- End what still lives of an account's sessions, and note it; their ids. No row: no such account.
WITH known AS (
    SELECT a.id FROM accounts AS a WHERE a.id = %(id)s
), ended AS (
    UPDATE sessions AS s SET revoked_at = clock_timestamp() FROM known AS k
     WHERE s.account_id = k.id AND s.revoked_at IS NULL AND s.expires_at > clock_timestamp()
    RETURNING s.id
), noted AS (
    INSERT INTO audit (actor, action, target, detail)
    SELECT %(actor)s, 'sessions_ended', k.id, jsonb_build_object('sessions', (SELECT count(*) FROM ended))
      FROM known AS k
)
SELECT ARRAY(SELECT e.id FROM ended AS e) FROM known;

-- name: audit
-- A page of what was noted, the newest first.
SELECT n.id, n.at, n.actor, n.action, n.target, n.detail
  FROM audit AS n
 WHERE n.id < %(before)s
   AND (%(actor)s::uuid IS NULL OR n.actor = %(actor)s)
   AND (%(target)s::uuid IS NULL OR n.target = %(target)s)
   AND (%(action)s::text IS NULL OR n.action = %(action)s)
 ORDER BY n.id DESC
 LIMIT %(limit)s;
