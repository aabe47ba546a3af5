-- name: mark
-- Move markers forward: the greatest seq wins, at most the head; what is read is delivered. The markers as they are
-- then, a row for each that is a member. Rows are locked in one order, so two edges never wait for each other.
WITH asked AS (
    SELECT * FROM unnest(%(accounts)s::uuid[], %(conversations)s::uuid[], %(read)s::bigint[], %(delivered)s::bigint[])
               AS x (account_id, conversation_id, read_seq, delivered_seq)
), locked AS MATERIALIZED (
    SELECT m.conversation_id, m.account_id
      FROM members AS m
      JOIN asked AS a ON a.conversation_id = m.conversation_id AND a.account_id = m.account_id
     WHERE m.left_seq IS NULL
     ORDER BY m.conversation_id, m.account_id
       FOR NO KEY UPDATE OF m
)
UPDATE members AS m
   SET read_seq = greatest(m.read_seq, least(a.read_seq, v.head)),
       delivered_seq = greatest(m.delivered_seq, least(greatest(a.read_seq, a.delivered_seq), v.head))
  FROM locked AS l
  JOIN asked AS a ON a.conversation_id = l.conversation_id AND a.account_id = l.account_id
  JOIN conversations AS v ON v.id = l.conversation_id
 WHERE m.conversation_id = l.conversation_id AND m.account_id = l.account_id
RETURNING m.account_id, m.conversation_id, m.read_seq, m.delivered_seq;
