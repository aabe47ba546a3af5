-- name: summaries
-- The conversations of an account, last active first: only the first ones have their unread messages counted,
-- and each at most to 100. Archived ones are left out of lists.
SELECT mine.id, mine.head, mine.read_seq, unread_messages(mine.id, %(account)s, mine.read_seq, mine.head)
  FROM (SELECT v.id, v.head, v.last_at, m.read_seq
          FROM members AS m
          JOIN conversations AS v ON v.id = m.conversation_id
         WHERE m.account_id = %(account)s AND m.left_seq IS NULL AND v.status <> 'archived'
         ORDER BY v.last_at DESC, v.id DESC LIMIT %(limit)s) AS mine
 ORDER BY mine.last_at DESC, mine.id DESC;

-- name: page
-- A page of the list: as `summaries`, from a place in it, with each conversation's last visible message, and with its
-- members where they are at most 32: of more nobody's presence is shown, and a list of 200 should not become a roster.
SELECT mine.id, mine.subject, mine.project_id, mine.status, mine.head, mine.read_seq,
       unread_messages(mine.id, %(account)s, mine.read_seq, mine.head), mine.last_at,
       CASE WHEN cardinality(w.members) <= 32 THEN w.members END,
       e.seq, e.kind, e.actor, e.at, e.command_id, e.body, e.data, e.edited_at, e.deleted_at
  FROM (SELECT v.*, m.read_seq
          FROM members AS m
          JOIN conversations AS v ON v.id = m.conversation_id
         WHERE m.account_id = %(account)s AND m.left_seq IS NULL AND v.status <> 'archived'
           AND (%(after_at)s::timestamptz IS NULL
                OR (v.last_at, v.id) < (%(after_at)s::timestamptz, %(after_id)s::uuid))
         ORDER BY v.last_at DESC, v.id DESC LIMIT %(limit)s) AS mine
 CROSS JOIN LATERAL (
       SELECT array(SELECT m.account_id FROM members AS m
                     WHERE m.conversation_id = mine.id AND m.left_seq IS NULL
                     LIMIT 33) AS members) AS w
  LEFT JOIN LATERAL (
       SELECT * FROM events AS e
        WHERE e.conversation_id = mine.id AND e.kind = 'message' AND e.deleted_at IS NULL
        ORDER BY e.seq DESC LIMIT 1) AS e ON true
 ORDER BY mine.last_at DESC, mine.id DESC;

-- name: get
-- One conversation as a member sees it, a row for each member. No row: the asker is not one. How far each has read is
-- told where receipts are: among at most 32.
SELECT v.id, v.subject, v.project_id, v.status, v.head, v.created_at, mine.read_seq,
       unread_messages(v.id, %(account)s, mine.read_seq, v.head), a.id, a.name, a.role,
       CASE WHEN count(*) OVER () <= 32 THEN m.read_seq END,
       CASE WHEN count(*) OVER () <= 32 THEN m.delivered_seq END
  FROM members AS mine
  JOIN conversations AS v ON v.id = mine.conversation_id
  JOIN members AS m ON m.conversation_id = v.id AND m.left_seq IS NULL
  JOIN accounts AS a ON a.id = m.account_id
 WHERE mine.conversation_id = %(conversation)s AND mine.account_id = %(account)s AND mine.left_seq IS NULL
 ORDER BY m.joined_seq, a.name, a.id;

-- name: audience
-- The members as of the head that stands beside them: one statement, one snapshot.
SELECT v.head, array(SELECT m.account_id FROM members AS m
                      WHERE m.conversation_id = v.id AND m.left_seq IS NULL)
  FROM conversations AS v
 WHERE v.id = %(conversation)s;
