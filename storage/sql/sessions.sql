-- name: open
-- A session that ends by itself.
INSERT INTO sessions (id, account_id, expires_at, refresh_hash)
VALUES (%(id)s, %(account)s, clock_timestamp() + make_interval(secs => %(seconds)s), %(refresh_hash)s);

-- name: rotate
-- Exchange a refresh token. The current one is replaced. The previous one, within its grace, replaces the
-- current one again (its answer was lost on the way); later it has been stolen, and the session ends.
-- One row, updated under its lock, so of two that come at once the second sees what the first did.
UPDATE sessions AS s
   SET refresh_hash = CASE WHEN s.refresh_hash = %(old)s OR s.rotated_at > n.graced THEN %(new)s
                           ELSE s.refresh_hash END,
       previous_hash = %(old)s,
       rotated_at = CASE WHEN s.refresh_hash = %(old)s THEN n.now ELSE s.rotated_at END,
       revoked_at = CASE WHEN s.refresh_hash = %(old)s OR s.rotated_at > n.graced THEN NULL ELSE n.now END
  FROM accounts AS a,
       (SELECT clock_timestamp() AS now,
               clock_timestamp() - make_interval(secs => %(grace)s) AS graced) AS n
 WHERE a.id = s.account_id AND a.suspended_at IS NULL
   AND (s.refresh_hash = %(old)s OR s.previous_hash = %(old)s)
   AND s.revoked_at IS NULL AND s.expires_at > n.now
RETURNING s.id, s.account_id, s.revoked_at IS NULL;

-- name: revoke
-- End a session; ending it again keeps the time of the first.
UPDATE sessions SET revoked_at = coalesce(revoked_at, clock_timestamp()) WHERE id = %(id)s;

-- name: revoke_all
-- End what still lives of an account.
UPDATE sessions SET revoked_at = clock_timestamp()
 WHERE account_id = %(account)s AND revoked_at IS NULL AND expires_at > clock_timestamp()
RETURNING id;

-- name: revoke_token
-- A token of another issuer, kept until it would have expired.
INSERT INTO revoked_tokens (jti, expires_at, revoked_at)
VALUES (%(jti)s, %(expires_at)s, clock_timestamp())
    ON CONFLICT (jti) DO NOTHING;

-- name: revocations
-- What was revoked since, every account that is suspended now, and those that were changed since. `next` lies back by more than a statement
-- may take, so that a revocation which commits late is not skipped; some are told twice.
SELECT clock_timestamp() - interval '30 s' AS next, r.what, r.id
  FROM (SELECT) AS always
  LEFT JOIN (
       SELECT 'token' AS what, id::text AS id FROM sessions
        WHERE revoked_at > coalesce(%(since)s::timestamptz, '-infinity') AND expires_at > clock_timestamp()
        UNION ALL
       SELECT 'token', jti FROM revoked_tokens
        WHERE revoked_at > coalesce(%(since)s::timestamptz, '-infinity') AND expires_at > clock_timestamp()
        UNION ALL
       SELECT 'suspended', id::text FROM accounts WHERE suspended_at IS NOT NULL
        UNION ALL
       SELECT 'changed', id::text FROM accounts WHERE changed_at > %(since)s::timestamptz) AS r ON true;

-- name: prune
-- Sessions and tokens that nobody could use any more, a bounded number at once. What another edge is forgetting right
-- now is left to it.
WITH ended AS (
    DELETE FROM sessions
     WHERE id IN (SELECT id FROM sessions WHERE expires_at < clock_timestamp()
                   ORDER BY expires_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
    RETURNING 1
), dead AS (
    DELETE FROM revoked_tokens
     WHERE jti IN (SELECT jti FROM revoked_tokens WHERE expires_at < clock_timestamp()
                    LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
    RETURNING 1
)
SELECT (SELECT count(*) FROM ended), (SELECT count(*) FROM dead);
