-- name: start
-- From where a follower that starts now must read on, to see the commits of the last seconds too. Their time is
-- only where to begin; what is read from there on is decided by transaction ids alone. Walks the index back from
-- the newest commit to the first one that is older, so it costs as much as those seconds held.
SELECT CASE WHEN %(back)s > 0 THEN
            least(pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
                  coalesce((SELECT c.xid::text::bigint FROM commits AS c
                             WHERE c.at < clock_timestamp() - make_interval(secs => %(back)s)
                             ORDER BY c.xid DESC LIMIT 1),
                           0))
            ELSE pg_snapshot_xmin(pg_current_snapshot())::text::bigint
       END;

-- name: follow
-- What was committed since the previous poll, and from where to read on: everything below xmin has ended when
-- this snapshot is taken, and what ends later has an xid of at least xmin. Read in one statement, hence of
-- one snapshot. Some rows are seen twice; the follower drops them by head.
SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint, h.conversation_id, max(h.head)
  FROM (SELECT) AS always
  LEFT JOIN (commits AS c CROSS JOIN LATERAL unnest(c.conversations, c.heads) AS h (conversation_id, head))
    ON c.xid >= %(since)s::text::xid8
 GROUP BY h.conversation_id;

-- name: prune
-- Drop the oldest commits that are older than the given seconds, a bounded number at once.
DELETE FROM commits
 WHERE xid IN (SELECT oldest.xid
                 FROM (SELECT xid, at FROM commits ORDER BY xid LIMIT %(limit)s) AS oldest
                WHERE oldest.at < clock_timestamp() - make_interval(secs => %(keep)s))
   AND at < clock_timestamp() - make_interval(secs => %(keep)s)
RETURNING 1;
