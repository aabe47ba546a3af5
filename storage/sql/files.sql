-- name: begin
-- A new upload, within the quota of its account; see migrations/0007_files.up.sql.
SELECT begin_upload(%(id)s, %(owner)s, %(name)s, %(type)s, %(size)s,
                    clock_timestamp() + make_interval(secs => %(seconds)s), %(quota)s, %(most_open)s);

-- name: own
-- A file of this account, whatever state it is in; `open` is false once its time for coming is over. No row: none of its.
SELECT f.id, f.name, f.type, f.size, f.state, f.revision, f.reason, f.signature, f.width, f.height,
       cardinality(f.variants) > 0, f.owner, f.created_at, f.received, f.expires_at, encode(f.sha256, 'hex'), f.engine,
       cardinality(f.parts)
  FROM files AS f
 WHERE f.id = %(id)s AND f.owner = %(owner)s AND f.state <> 'deleted'
   AND NOT (f.state = 'uploading' AND f.expires_at < clock_timestamp());

-- name: visible
-- A file, for who uploaded it and for members of a conversation that holds it. No row: none of the asker's business.
SELECT f.id, f.name, f.type, f.size, f.state, f.revision, f.reason, f.signature, f.width, f.height,
       cardinality(f.variants) > 0, f.owner, f.created_at, f.received, f.expires_at, encode(f.sha256, 'hex'), f.engine,
       cardinality(f.parts)
  FROM files AS f
 WHERE f.id = %(id)s
   AND (f.owner = %(asker)s
        OR EXISTS (SELECT FROM attachments AS a
                     JOIN members AS m
                       ON m.conversation_id = a.conversation_id AND m.account_id = %(asker)s AND m.left_seq IS NULL
                    WHERE a.file_id = f.id));

-- name: served
-- Where the bytes of a clean file lie, for the same readers. No row: not for them, or not (any more) to be had.
SELECT f.home, f.name, f.type, f.size, encode(f.sha256, 'hex'), f.variants
  FROM files AS f
  JOIN accounts AS me ON me.id = %(asker)s AND me.suspended_at IS NULL
 WHERE f.id = %(id)s AND f.state = 'clean'
   AND (f.owner = me.id
        OR EXISTS (SELECT FROM attachments AS a
                     JOIN members AS m
                       ON m.conversation_id = a.conversation_id AND m.account_id = me.id AND m.left_seq IS NULL
                    WHERE a.file_id = f.id));

-- name: grow
-- The upload has this part too, which began where the last one ended; complete, it is to be scanned at once. No row:
-- another part came first, or the upload is over: this part belongs to nothing.
UPDATE files AS f
   SET received = f.received + %(bytes)s,
       parts = f.parts || %(part)s::text,
       expires_at = CASE WHEN f.received + %(bytes)s = f.size THEN clock_timestamp() + interval '1 day'
                         ELSE f.expires_at END,
       state = CASE WHEN f.received + %(bytes)s = f.size THEN 'scanning' ELSE f.state END,
       due_at = CASE WHEN f.received + %(bytes)s = f.size THEN clock_timestamp() END
 WHERE f.id = %(id)s AND f.owner = %(owner)s AND f.state = 'uploading' AND f.received = %(offset)s
   AND f.received + %(bytes)s <= f.size
RETURNING f.received, f.state;

-- name: give_up
-- The uploader wants it no more: nothing is left of it but its row. One row, `held` when a message has it and nothing
-- was done; no row: none of its.
WITH found AS (
    SELECT id, parts, home, uses FROM files
     WHERE id = %(id)s AND owner = %(owner)s AND state <> 'deleted' FOR NO KEY UPDATE
), gone AS (
    UPDATE files AS f
       SET state = 'deleted', parts = '{}', home = NULL, variants = '{}', due_at = NULL, claim = NULL
      FROM found WHERE f.id = found.id AND f.uses = 0
    RETURNING f.id
)
SELECT found.parts, found.home, NOT EXISTS (SELECT FROM gone) AS held FROM found;

-- name: scanners
-- What scans: the scanning workers that said so within the last seconds, one row for each engine.
SELECT s.engine, max(s.version), bool_or(s.works)
  FROM scanners AS s
 WHERE s.seen_at > clock_timestamp() - interval '20 seconds'
 GROUP BY s.engine
 ORDER BY bool_or(s.works) DESC, s.engine;
