-- name: add
-- A project; one that is there is renamed.
INSERT INTO projects (id, name) VALUES (%(id)s, %(name)s)
    ON CONFLICT (id) DO UPDATE SET name = excluded.name
RETURNING id, name, created_at, (SELECT count(*) FROM project_members AS m WHERE m.project_id = projects.id);

-- name: create
-- A project under an id that its wish was given: asked again it is found, and whether the wish was the same is told.
-- No row at all if another session made it after our snapshot: ask again.
WITH made AS (
    INSERT INTO projects (id, name, fingerprint) VALUES (%(id)s, %(name)s, %(fingerprint)s)
        ON CONFLICT (id) DO NOTHING
    RETURNING id, name, created_at
)
SELECT made.*, 0::bigint, false, true FROM made
 UNION ALL
SELECT p.id, p.name, p.created_at, (SELECT count(*) FROM project_members AS m WHERE m.project_id = p.id),
       true, p.fingerprint IS NOT DISTINCT FROM %(fingerprint)s
  FROM projects AS p
 WHERE p.id = %(id)s AND NOT EXISTS (SELECT FROM made);

-- name: rename
-- Another name; no row: no such project.
UPDATE projects AS p SET name = %(name)s WHERE p.id = %(id)s
RETURNING p.id, p.name, p.created_at, (SELECT count(*) FROM project_members AS m WHERE m.project_id = p.id);

-- name: get
-- One project, for its members and for staff. No row: none of the asker's business.
SELECT p.id, p.name, p.created_at, (SELECT count(*) FROM project_members AS m WHERE m.project_id = p.id)
  FROM projects AS p
  JOIN accounts AS me ON me.id = %(asker)s
 WHERE p.id = %(id)s
   AND (me.role <> 'client'
        OR EXISTS (SELECT FROM project_members AS m WHERE m.project_id = p.id AND m.account_id = me.id));

-- name: every
-- A page of all projects by name, for staff.
SELECT p.id, p.name, p.created_at, (SELECT count(*) FROM project_members AS m WHERE m.project_id = p.id),
       lower(p.name) COLLATE "C"
  FROM projects AS p
 WHERE (lower(p.name) COLLATE "C", p.id) > (%(after_name)s::text, %(after_id)s::uuid)
   AND strpos(lower(p.name), lower(%(query)s::text)) > 0
 ORDER BY lower(p.name) COLLATE "C", p.id
 LIMIT %(limit)s;

-- name: own
-- A page of the asker's projects by name.
SELECT p.id, p.name, p.created_at, (SELECT count(*) FROM project_members AS m WHERE m.project_id = p.id),
       lower(p.name) COLLATE "C"
  FROM project_members AS mine
  JOIN projects AS p ON p.id = mine.project_id
 WHERE mine.account_id = %(asker)s
   AND (lower(p.name) COLLATE "C", p.id) > (%(after_name)s::text, %(after_id)s::uuid)
   AND strpos(lower(p.name), lower(%(query)s::text)) > 0
 ORDER BY lower(p.name) COLLATE "C", p.id
 LIMIT %(limit)s;

-- name: members
-- A page of a project's members by name, for who may see the project: the caller has looked. Addresses are for staff.
SELECT a.id, a.name, CASE WHEN me.role <> 'client' OR a.id = me.id THEN a.email END, a.role, lower(a.name) COLLATE "C"
  FROM accounts AS me
  JOIN project_members AS m ON m.project_id = %(id)s
  JOIN accounts AS a ON a.id = m.account_id
 WHERE me.id = %(asker)s
   AND (lower(a.name) COLLATE "C", a.id) > (%(after_name)s::text, %(after_id)s::uuid)
 ORDER BY lower(a.name) COLLATE "C", a.id
 LIMIT %(limit)s;

-- name: add_member
-- A member may be added twice and is one once. An account that only the host application knows so far gets a row.
-- No row: no such project.
WITH project AS (SELECT id FROM projects WHERE id = %(project)s),
     known AS (INSERT INTO accounts (id, role) SELECT %(account)s, 'client' FROM project
                   ON CONFLICT (id) DO NOTHING),
     seated AS (INSERT INTO project_members (project_id, account_id) SELECT id, %(account)s FROM project
                    ON CONFLICT DO NOTHING)
SELECT id FROM project;

-- name: remove_member
-- Whoever is no member stays none. No row: no such project.
WITH gone AS (DELETE FROM project_members WHERE project_id = %(project)s AND account_id = %(account)s)
SELECT id FROM projects WHERE id = %(project)s;
