-- name: add
-- A project; one that is there is renamed.
INSERT INTO projects (id, name) VALUES (%(id)s, %(name)s)
    ON CONFLICT (id) DO UPDATE SET name = excluded.name
RETURNING id;

-- name: add_member
-- A member may be added twice and is one once.
INSERT INTO project_members (project_id, account_id) VALUES (%(project)s, %(account)s)
    ON CONFLICT DO NOTHING;

-- name: of_account
-- The projects of an account, by name.
SELECT p.id, p.name
  FROM project_members AS m
  JOIN projects AS p ON p.id = m.project_id
 WHERE m.account_id = %(account)s
 ORDER BY p.name, p.id;
