-- name: add
INSERT INTO projects (id, name) VALUES (%(id)s, %(name)s)
    ON CONFLICT (id) DO UPDATE SET name = excluded.name
RETURNING id;

-- name: add_member
INSERT INTO project_members (project_id, account_id) VALUES (%(project)s, %(account)s)
    ON CONFLICT DO NOTHING;

-- name: of_account
SELECT p.id, p.name
  FROM project_members AS m
  JOIN projects AS p ON p.id = m.project_id
 WHERE m.account_id = %(account)s
 ORDER BY p.name, p.id;
