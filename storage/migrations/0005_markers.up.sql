-- How many messages wait for somebody: one place that says what counts, for lists, `ready` and single conversations.

CREATE FUNCTION unread_messages(p_conversation uuid, p_account uuid, p_read bigint)
RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
AS $$
SELECT count(*)
  FROM (SELECT FROM events AS e
         WHERE e.conversation_id = p_conversation AND e.seq > p_read AND e.kind = 'message'
           AND e.actor <> p_account AND e.deleted_at IS NULL
         LIMIT 100) AS theirs
$$;
COMMENT ON FUNCTION unread_messages IS 'Messages of others behind the marker that were not deleted; counts to 100.';
