-- name: page
-- A page of all conversations, the archived too, the newest first: by when they began, which never changes, so that
-- no page moves. Nothing that was said is in it, hence nothing is noted.
SELECT v.id, v.subject, v.project_id, v.status, v.head, v.created_at, v.last_at,
       (SELECT count(*) FROM members AS m WHERE m.conversation_id = v.id AND m.left_seq IS NULL)
  FROM conversations AS v
 WHERE (v.created_at, v.id) < (%(before_at)s::timestamptz, %(before_id)s::uuid)
   AND strpos(lower(v.subject), lower(%(query)s::text)) > 0
   AND (%(status)s::text IS NULL OR v.status = %(status)s)
   AND (%(project)s::uuid IS NULL OR v.project_id = %(project)s)
 ORDER BY v.created_at DESC, v.id DESC
 LIMIT %(limit)s;

-- name: get
-- One conversation, a row for each member, for an administrator who need not be one; that it was looked at is noted
-- in the same statement. No row, and no note: there is no such conversation.
WITH noted AS (
    INSERT INTO audit (actor, action, target)
    SELECT %(actor)s, 'conversation_read', v.id FROM conversations AS v WHERE v.id = %(conversation)s
)
SELECT v.id, v.subject, v.project_id, v.status, v.head, v.created_at, v.last_at, v.created_by, a.id, a.name, a.role
  FROM conversations AS v
  LEFT JOIN (members AS m JOIN accounts AS a ON a.id = m.account_id)
    ON m.conversation_id = v.id AND m.left_seq IS NULL
 WHERE v.id = %(conversation)s
 ORDER BY m.joined_seq, a.name, a.id;

-- name: after
-- As `after` of the log, for an administrator, noted in the same statement.
WITH noted AS (
    INSERT INTO audit (actor, action, target, detail)
    SELECT %(actor)s, 'events_read', v.id, jsonb_build_object('after', %(after)s::bigint, 'limit', %(limit)s::bigint)
      FROM conversations AS v
     WHERE v.id = %(conversation)s
)
SELECT v.head, e.seq, e.kind, e.actor, e.at, e.command_id, e.body, e.data, e.edited_at, e.deleted_at
  FROM conversations AS v
  LEFT JOIN LATERAL (
       SELECT * FROM events AS l
        WHERE l.conversation_id = v.id AND l.seq > %(after)s
        ORDER BY l.seq LIMIT %(limit)s) AS e ON true
 WHERE v.id = %(conversation)s
 ORDER BY e.seq;

-- name: before
-- As `before` of the log, for an administrator, noted in the same statement.
WITH noted AS (
    INSERT INTO audit (actor, action, target, detail)
    SELECT %(actor)s, 'events_read', v.id, jsonb_build_object('before', %(before)s::bigint, 'limit', %(limit)s::bigint)
      FROM conversations AS v
     WHERE v.id = %(conversation)s
)
SELECT v.head, e.seq, e.kind, e.actor, e.at, e.command_id, e.body, e.data, e.edited_at, e.deleted_at
  FROM conversations AS v
  LEFT JOIN LATERAL (
       SELECT * FROM events AS l
        WHERE l.conversation_id = v.id AND l.seq < %(before)s
        ORDER BY l.seq DESC LIMIT %(limit)s) AS e ON true
 WHERE v.id = %(conversation)s
 ORDER BY e.seq;
