-- How many messages wait for somebody: one place that says what counts, for lists, `ready` and single conversations.

-- Seqs have no holes, so the newest 10,000 events are a range of the primary key, and a count reads no more than that,
-- whatever one has said oneself behind the marker. From the newest on: a hundred are found there as well as anywhere.
CREATE FUNCTION unread_messages(p_conversation uuid, p_account uuid, p_read bigint, p_head bigint)
RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
AS $$
SELECT count(*)
  FROM (SELECT FROM events AS e
         WHERE e.conversation_id = p_conversation AND e.seq > greatest(p_read, p_head - 10000) AND e.seq <= p_head
           AND e.kind = 'message' AND e.actor <> p_account AND e.deleted_at IS NULL
         ORDER BY e.seq DESC LIMIT 100) AS theirs
$$;
COMMENT ON FUNCTION unread_messages IS
    'Messages of others behind the marker that were not deleted; counts to 100, among the newest 10,000 events.';
