-- name: everybody
-- A page of all who are not suspended, by name, for staff: `query` is looked for in name and address. The order is
-- that of the index, and the place to go on from is looked up in it.
SELECT a.id, a.name, a.email, a.role, lower(a.name) COLLATE "C"
  FROM accounts AS a
 WHERE a.suspended_at IS NULL
   AND (lower(a.name) COLLATE "C", a.id) > (%(after_name)s::text, %(after_id)s::uuid)
   AND (strpos(lower(a.name), lower(%(query)s::text)) > 0 OR strpos(lower(a.email), lower(%(query)s::text)) > 0)
 ORDER BY lower(a.name) COLLATE "C", a.id
 LIMIT %(limit)s;

-- name: acquaintances
-- As `everybody`, for a client: staff, and the people of the client's projects. Addresses are neither shown nor
-- looked in.
SELECT a.id, a.name, NULL, a.role, lower(a.name) COLLATE "C"
  FROM (SELECT s.id FROM accounts AS s WHERE s.role <> 'client'
         UNION
        SELECT theirs.account_id
          FROM project_members AS mine
          JOIN project_members AS theirs ON theirs.project_id = mine.project_id
         WHERE mine.account_id = %(asker)s) AS known
  JOIN accounts AS a ON a.id = known.id
 WHERE a.suspended_at IS NULL
   AND (lower(a.name) COLLATE "C", a.id) > (%(after_name)s::text, %(after_id)s::uuid)
   AND strpos(lower(a.name), lower(%(query)s::text)) > 0
 ORDER BY lower(a.name) COLLATE "C", a.id
 LIMIT %(limit)s;

-- name: get
-- One account as the asker may know it: staff know everybody and are known to everybody; clients know themselves,
-- and whom they share a project with, or shared a conversation with, however long ago. No row: none of the asker's
-- business. Addresses are for staff, and one's own.
SELECT a.id, a.name, CASE WHEN me.role <> 'client' OR a.id = me.id THEN a.email END, a.role
  FROM accounts AS me
  JOIN accounts AS a ON a.id = %(id)s
 WHERE me.id = %(asker)s
   AND (me.role <> 'client' OR a.role <> 'client' OR a.id = me.id
        OR EXISTS (
           SELECT FROM project_members AS mine
             JOIN project_members AS theirs ON theirs.project_id = mine.project_id AND theirs.account_id = a.id
            WHERE mine.account_id = me.id)
        OR EXISTS (
           SELECT FROM (SELECT m.conversation_id FROM members AS m
                         WHERE m.account_id = me.id AND m.left_seq IS NULL
                         UNION ALL
                        SELECT m.conversation_id FROM members AS m
                         WHERE m.account_id = me.id AND m.left_seq IS NOT NULL) AS mine
             JOIN members AS theirs
               ON theirs.conversation_id = mine.conversation_id AND theirs.account_id = a.id));
