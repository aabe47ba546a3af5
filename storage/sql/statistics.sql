-- name: conversations
-- How many conversations there are in each status, how many of them were active lately, and how many events they
-- hold: as many as their heads say, since seqs have no holes. Reads every conversation, and no event.
SELECT v.status, count(*), sum(v.head)::bigint,
       count(*) FILTER (WHERE v.last_at > now() - interval '24 hours'),
       count(*) FILTER (WHERE v.last_at > now() - interval '7 days')
  FROM conversations AS v
 GROUP BY v.status;

-- name: accounts
-- How many accounts there are of each role, and how many of these are suspended.
SELECT a.role, count(*), count(a.suspended_at) FROM accounts AS a GROUP BY a.role;

-- name: volume
-- Messages by hour, of so many hours up to the one that runs, with those in which nothing was said.
SELECT h.hour, coalesce(said.messages, 0)
  FROM generate_series(date_trunc('hour', now()) - make_interval(hours => %(hours)s - 1),
                       date_trunc('hour', now()), interval '1 hour') AS h (hour)
  LEFT JOIN (SELECT date_trunc('hour', e.at) AS hour, count(*) AS messages
               FROM events AS e
              WHERE e.at >= date_trunc('hour', now()) - make_interval(hours => %(hours)s - 1)
                AND e.kind = 'message'
              GROUP BY 1) AS said ON said.hour = h.hour
 ORDER BY h.hour;

-- name: responses
-- How long clients waited for staff, of what clients asked in so many hours: from the first message of a client
-- after one of staff (or after none) to the next message of staff in that conversation. How many were answered and
-- how many wait still; the mean and the median in seconds, null without an answer. What came before the time in
-- question is looked up for the first message of each conversation only.
WITH said AS MATERIALIZED (
    SELECT e.conversation_id, e.seq, e.at,
           e.actor IN (SELECT a.id FROM accounts AS a WHERE a.role <> 'client') AS staff
      FROM events AS e
     WHERE e.at >= now() - make_interval(hours => %(hours)s) AND e.kind = 'message'
), turned AS (
    SELECT s.*, lead(s.staff) OVER backwards AS after_staff,
           min(s.at) FILTER (WHERE s.staff) OVER backwards AS answered_at
      FROM said AS s
    WINDOW backwards AS (PARTITION BY s.conversation_id ORDER BY s.seq DESC)
), asked AS (
    SELECT extract(epoch FROM t.answered_at - t.at)::float8 AS seconds
      FROM turned AS t
     WHERE NOT t.staff
       AND coalesce(t.after_staff,
                    (SELECT a.role <> 'client'
                       FROM events AS p
                       JOIN accounts AS a ON a.id = p.actor
                      WHERE p.conversation_id = t.conversation_id AND p.seq < t.seq AND p.kind = 'message'
                      ORDER BY p.seq DESC LIMIT 1),
                    true)
)
SELECT count(seconds), count(*) - count(seconds), avg(seconds),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds)
  FROM asked;
