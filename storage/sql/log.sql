-- name: append
-- All commands of a batch in one round trip that includes its COMMIT; see migrations/0008_append_files.up.sql.
-- $1 conversations, $2 actors, $3 ids, $4 kinds, $5 fingerprints, $6 bodies, $7 data: arrays of one length.
-- `ord` in the answer is a command's place in them, from 1.
SELECT ord, code, seq, at, replayed, field
  FROM append_events($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::uuid[], $6::text[], $7::jsonb[]);

-- name: busy
-- Those of $1 that exist and that somebody else holds against an append just now. Waits for no row, holds nothing after.
WITH free AS MATERIALIZED (
    SELECT v.id FROM conversations AS v WHERE v.id = ANY ($1::uuid[]) FOR NO KEY UPDATE SKIP LOCKED
)
SELECT v.id FROM conversations AS v
 WHERE v.id = ANY ($1::uuid[]) AND NOT EXISTS (SELECT FROM free AS f WHERE f.id = v.id);

-- name: after
-- Events after a cursor, oldest first, with the head of that moment. No row: not a member.
-- A member who is up to date gets one row without an event.
SELECT v.head, e.seq, e.kind, e.actor, e.at, e.command_id, e.body, e.data, e.edited_at, e.deleted_at
  FROM members AS m
  JOIN conversations AS v ON v.id = m.conversation_id
  LEFT JOIN LATERAL (
       SELECT * FROM events AS l
        WHERE l.conversation_id = m.conversation_id AND l.seq > %(after)s
        ORDER BY l.seq LIMIT %(limit)s) AS e ON true
 WHERE m.conversation_id = %(conversation)s AND m.account_id = %(account)s AND m.left_seq IS NULL
 ORDER BY e.seq;

-- name: before
-- The newest events before a cursor, oldest of them first, with the head of that moment. No row: not a member.
SELECT v.head, e.seq, e.kind, e.actor, e.at, e.command_id, e.body, e.data, e.edited_at, e.deleted_at
  FROM members AS m
  JOIN conversations AS v ON v.id = m.conversation_id
  LEFT JOIN LATERAL (
       SELECT * FROM events AS l
        WHERE l.conversation_id = m.conversation_id AND l.seq < %(before)s
        ORDER BY l.seq DESC LIMIT %(limit)s) AS e ON true
 WHERE m.conversation_id = %(conversation)s AND m.account_id = %(account)s AND m.left_seq IS NULL
 ORDER BY e.seq;

-- name: heads_for
-- The heads of those of these conversations that the account is a member of. No row: not a member.
SELECT v.id, v.head
  FROM unnest(%(conversations)s::uuid[]) AS c (id)
  JOIN members AS m ON m.conversation_id = c.id AND m.account_id = %(account)s AND m.left_seq IS NULL
  JOIN conversations AS v ON v.id = m.conversation_id;

-- name: stretches
-- Many logs at once, each after its own cursor, to its own end, and up to the limit. Who may read them was asked before.
SELECT NULL, e.seq, e.kind, e.actor, e.at, e.command_id, e.body, e.data, e.edited_at, e.deleted_at, e.conversation_id
  FROM unnest(%(conversations)s::uuid[], %(after)s::bigint[], %(upto)s::bigint[]) AS c (conversation_id, after, upto)
 CROSS JOIN LATERAL (
       SELECT * FROM events AS l
        WHERE l.conversation_id = c.conversation_id AND l.seq > c.after AND l.seq <= c.upto
        ORDER BY l.seq LIMIT %(limit)s) AS e
 ORDER BY e.conversation_id, e.seq;

-- name: between
-- A stretch of a log, for those who deliver it: they know the members as of each event themselves.
SELECT NULL, e.seq, e.kind, e.actor, e.at, e.command_id, e.body, e.data, e.edited_at, e.deleted_at
  FROM events AS e
 WHERE e.conversation_id = %(conversation)s AND e.seq > %(after)s AND e.seq <= %(upto)s
 ORDER BY e.seq;

-- name: texts
-- What a message said, and since when: an edit's `replaced` is what stood there since the edit before it, or since the
-- message was sent. Texts of a deleted message are NULL. No row: not a member, or no message.
WITH message AS (
    SELECT e.body, e.at, e.actor
      FROM members AS m
      JOIN events AS e ON e.conversation_id = m.conversation_id AND e.seq = %(seq)s AND e.kind = 'message'
     WHERE m.conversation_id = %(conversation)s AND m.account_id = %(account)s AND m.left_seq IS NULL
), edits AS (
    SELECT e.seq, e.body, e.replaced, e.at, e.actor
      FROM events AS e
     WHERE e.conversation_id = %(conversation)s AND e.kind = 'edited' AND (e.data ->> 'target')::bigint = %(seq)s
)
SELECT COALESCE((SELECT f.replaced FROM edits AS f ORDER BY f.seq LIMIT 1), message.body), message.at, message.actor::text
  FROM message
 UNION ALL
SELECT ordered.body, ordered.at, ordered.actor::text
  FROM (SELECT edits.* FROM edits, message ORDER BY edits.seq) AS ordered;

-- name: heads
-- The last seq of each conversation that exists.
SELECT id, head FROM conversations WHERE id = ANY (%(conversations)s::uuid[]);
