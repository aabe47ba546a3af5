-- name: find
-- What a command became when it was stored. One row at most, by the index that keeps ids unique.
SELECT seq, at, fingerprint FROM events
 WHERE conversation_id = %(conversation)s AND actor = %(actor)s AND command_id = %(id)s;
