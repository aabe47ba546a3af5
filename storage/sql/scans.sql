-- name: claim
-- The next file that is to be scanned, for this worker alone until its lease ends. First what people wait for, then what
-- was scanned before. A row that others hold is passed over.
UPDATE files AS f
   SET due_at = clock_timestamp() + make_interval(secs => %(lease)s), claim = %(claim)s, attempts = f.attempts + 1
 WHERE f.id = (SELECT d.id FROM files AS d
                WHERE d.due_at <= clock_timestamp() AND (%(id)s::uuid IS NULL OR d.id = %(id)s)
                ORDER BY d.state = 'clean', d.due_at LIMIT 1
                  FOR NO KEY UPDATE SKIP LOCKED)
RETURNING f.id, f.name, f.type, f.size, f.state, f.parts, f.home, f.attempts, f.released_by IS NOT NULL;

-- name: renew
-- The worker goes on with it. No row: it is another's now, or gone.
UPDATE files AS f SET due_at = clock_timestamp() + make_interval(secs => %(lease)s)
 WHERE f.id = %(id)s AND f.claim = %(claim)s
RETURNING f.id;

-- name: put_off
-- It could not be judged: it stays where it is, and is tried again after a pause.
UPDATE files AS f
   SET due_at = clock_timestamp() + make_interval(secs => %(pause)s), claim = NULL, fault = %(fault)s
 WHERE f.id = %(id)s AND f.claim = %(claim)s
RETURNING f.id;

-- name: judge
-- The verdict, and where the objects lie from here on, in one: before it none of them may be read, after it all. Whoever
-- lost the claim changes nothing (no row).
UPDATE files AS f
   SET state = %(state)s, revision = f.revision + 1, reason = %(reason)s, signature = %(signature)s,
       engine = %(engine)s, sha256 = coalesce(decode(%(sha256)s, 'hex'), f.sha256), width = %(width)s,
       height = %(height)s, home = %(home)s, variants = %(variants)s, parts = %(parts)s, scanned_at = clock_timestamp(),
       due_at = NULL, claim = NULL, fault = NULL, attempts = 0
 WHERE f.id = %(id)s AND f.claim = %(claim)s
RETURNING f.revision;

-- name: confirm
-- Scanned again, and found as it was: no verdict is told.
UPDATE files AS f
   SET scanned_at = clock_timestamp(), engine = %(engine)s, due_at = NULL, claim = NULL, fault = NULL, attempts = 0
 WHERE f.id = %(id)s AND f.claim = %(claim)s
RETURNING f.id;

-- name: untold
-- Conversations that do not know the latest verdict of a file that they hold: of one file, or of any, the oldest first.
SELECT DISTINCT a.conversation_id, f.owner, f.id, f.revision, f.state, f.reason, f.signature, f.width, f.height,
       cardinality(f.variants) > 0
  FROM attachments AS a
  JOIN files AS f ON f.id = a.file_id AND a.told < f.revision
 WHERE f.id = %(id)s;

-- name: untold_files
-- Files with such conversations, of verdicts that are older than a moment: what a lost frame, or a worker that died
-- behind its verdict, left untold.
SELECT f.id
  FROM files AS f
 WHERE f.state <> 'uploading' AND f.revision > 0 AND f.scanned_at < clock_timestamp() - interval '2 seconds'
   AND f.scanned_at > clock_timestamp() - make_interval(secs => %(seconds)s)
   AND EXISTS (SELECT FROM attachments AS a WHERE a.file_id = f.id AND a.told < f.revision)
 LIMIT 100;

-- name: rescan
-- Clean files that were last scanned before a time, or by another engine or other signatures, are to be scanned again, a
-- number of them at a time, the oldest first; how many. What an administrator vouched for is left in peace.
WITH due AS (
    SELECT f.id FROM files AS f
     WHERE f.state = 'clean' AND f.due_at IS NULL AND f.released_by IS NULL
       AND f.scanned_at < clock_timestamp() - make_interval(secs => %(older)s)
       AND (%(engine)s::text IS NULL OR f.engine IS DISTINCT FROM %(engine)s)
     ORDER BY f.scanned_at LIMIT %(most)s
       FOR NO KEY UPDATE SKIP LOCKED
), put AS (
    UPDATE files AS f SET due_at = clock_timestamp() FROM due WHERE f.id = due.id RETURNING f.id
)
SELECT count(*) FROM put;

-- name: announce
-- This worker lives, and scans with this.
INSERT INTO scanners AS s (node, engine, version, works) VALUES (%(node)s, %(engine)s, %(version)s, %(works)s)
    ON CONFLICT (node) DO UPDATE
   SET engine = excluded.engine, version = excluded.version, works = excluded.works, seen_at = clock_timestamp();

-- name: withdraw
-- This worker is no more; and who said nothing for an hour is not either.
DELETE FROM scanners WHERE node = %(node)s OR seen_at < clock_timestamp() - interval '1 hour';

-- name: sweep
-- Files that no message holds and whose time is over: uploads that were not ended, files that were never sent, files of
-- messages that were taken back. What lay in the store for them is the caller's to delete.
WITH old AS (
    SELECT f.id, f.parts, f.home FROM files AS f
     WHERE f.uses = 0 AND f.state <> 'deleted' AND f.expires_at < clock_timestamp()
     ORDER BY f.expires_at LIMIT %(most)s
       FOR NO KEY UPDATE SKIP LOCKED
), gone AS (
    UPDATE files AS f
       SET state = 'deleted', parts = '{}', home = NULL, variants = '{}', due_at = NULL, claim = NULL
      FROM old WHERE f.id = old.id AND f.uses = 0
    RETURNING f.id
)
SELECT old.id, old.parts, old.home FROM old JOIN gone ON gone.id = old.id;

-- name: known
-- Those of these objects that a row names: parts in quarantine by the file in their name, what lies in a home by the home.
SELECT o.key
  FROM unnest(%(keys)s::text[], %(files)s::uuid[]) AS o (key, file)
  JOIN files AS f ON f.id = o.file AND o.key = ANY (f.parts)
 UNION ALL
SELECT o.key
  FROM unnest(%(keys)s::text[], %(homes)s::text[]) AS o (key, home)
  JOIN files AS f ON f.home = o.home;
