-- name: page
-- A page of the files that were refused, or wait for their verdict, the newest first.
SELECT f.id, f.name, f.type, f.size, encode(f.sha256, 'hex'), f.state, f.reason, f.signature, f.engine, f.owner,
       o.name, f.attempts, f.fault, f.scanned_at, f.created_at, f.released_by IS NOT NULL,
       coalesce((SELECT jsonb_agg(jsonb_build_object('id', v.id, 'subject', v.subject) ORDER BY v.id)
                   FROM conversations AS v
                  WHERE v.id IN (SELECT a.conversation_id FROM attachments AS a WHERE a.file_id = f.id)), '[]')
  FROM files AS f
  JOIN accounts AS o ON o.id = f.owner
 WHERE f.state IN ('scanning', 'infected', 'rejected') AND (%(state)s::text IS NULL OR f.state = %(state)s)
   AND (%(id)s::uuid IS NULL OR f.id = %(id)s)
   AND (f.created_at, f.id) < (%(before_at)s::timestamptz, %(before_id)s::uuid)
 ORDER BY f.created_at DESC, f.id DESC
 LIMIT %(limit)s;

-- name: release
-- An administrator vouches for a file that was refused: a worker makes it clean, and that is noted. No row: no such file.
WITH freed AS (
    UPDATE files AS f
       SET released_by = %(actor)s, released_reason = %(reason)s, due_at = clock_timestamp(), attempts = 0
     WHERE f.id = %(id)s AND f.state IN ('infected', 'rejected')
    RETURNING f.id, f.state, f.reason, f.signature, f.name
), noted AS (
    INSERT INTO audit (actor, action, target, detail)
    SELECT %(actor)s, 'file_released', freed.id,
           jsonb_strip_nulls(jsonb_build_object('reason', %(reason)s::text, 'name', freed.name, 'state', freed.state,
                                                'verdict', freed.reason, 'signature', freed.signature))
      FROM freed
)
SELECT id FROM freed;

-- name: delete
-- A file that was refused, or waits, is gone for good; its messages say so, and it is noted. What lay in the store for it
-- is the caller's to delete. No row: no such file.
WITH old AS (
    SELECT f.id, f.parts, f.home, f.name FROM files AS f
     WHERE f.id = %(id)s AND f.state IN ('scanning', 'infected', 'rejected') FOR NO KEY UPDATE
), gone AS (
    UPDATE files AS f
       SET state = 'deleted', revision = f.revision + 1, parts = '{}', home = NULL, variants = '{}', reason = NULL,
           signature = NULL, due_at = NULL, claim = NULL, scanned_at = clock_timestamp()
      FROM old WHERE f.id = old.id AND f.state <> 'deleted'
    RETURNING f.id
), noted AS (
    INSERT INTO audit (actor, action, target, detail)
    SELECT %(actor)s, 'file_deleted', old.id, jsonb_build_object('name', old.name) FROM old JOIN gone ON gone.id = old.id
)
SELECT old.parts, old.home FROM old JOIN gone ON gone.id = old.id;
