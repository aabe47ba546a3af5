-- name: described
-- Files as messages show them, as they are now. Whoever may read the message may read this of its files.
SELECT f.id, f.name, f.type, f.size, f.state, f.revision, f.reason, f.signature, f.width, f.height,
       cardinality(f.variants) > 0
  FROM files AS f
 WHERE f.id = ANY (%(ids)s::uuid[]);

-- name: page
-- A page of a conversation's files, the newest first: of messages that were not taken back. No row: not a member; a
-- member who gets none gets one row without a file.
SELECT h.id, h.name, h.type, h.size, h.state, h.revision, h.reason, h.signature, h.width, h.height, h.previews,
       h.seq, h.place, h.at, h.actor
  FROM members AS m
  LEFT JOIN LATERAL (
       SELECT f.id, f.name, f.type, f.size, f.state, f.revision, f.reason, f.signature, f.width, f.height,
              cardinality(f.variants) > 0 AS previews, a.seq, a.place, e.at, e.actor
         FROM attachments AS a
         JOIN files AS f ON f.id = a.file_id
         JOIN events AS e ON e.conversation_id = a.conversation_id AND e.seq = a.seq
        WHERE a.conversation_id = m.conversation_id
          AND (a.seq, a.place) < (%(before_seq)s::bigint, %(before_place)s::smallint)
          AND (%(types)s::text[] IS NULL OR f.type = ANY (%(types)s::text[]))
        ORDER BY a.seq DESC, a.place DESC LIMIT %(limit)s) AS h ON true
 WHERE m.conversation_id = %(conversation)s AND m.account_id = %(account)s AND m.left_seq IS NULL
 ORDER BY h.seq DESC, h.place DESC;
