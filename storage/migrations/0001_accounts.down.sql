DROP TABLE project_members;
DROP TABLE projects;
DROP TABLE revoked_tokens;
DROP TABLE sessions;
DROP TABLE accounts;
