-- name: others
-- Whether there is a conversation that is not ballast: a database in use must not be filled.
SELECT EXISTS (SELECT FROM conversations WHERE NOT starts_with(subject, 'Ballast '));

-- name: people
-- So many accounts of a host application, numbered from 0 for the session; nobody has their tokens.
CREATE TEMPORARY TABLE ballast_people AS
SELECT (n - 1)::integer AS number, gen_random_uuid() AS id FROM generate_series(1, %(people)s) AS n;

-- name: rooms
-- So many conversations, numbered from 0 for the session, with the members of each in the order in which they
-- speak: neighbours in the numbering of people, so that everybody is in equally many.
CREATE TEMPORARY TABLE ballast_rooms AS
SELECT r.number, gen_random_uuid() AS id,
       ARRAY(SELECT p.id
               FROM generate_series(0, %(members)s - 1) AS k
               JOIN ballast_people AS p ON p.number = (r.number * %(members)s + k) %% %(people)s
              ORDER BY k) AS members
  FROM generate_series(0, %(rooms)s - 1) AS r (number);

-- name: index_people
-- Numbers are looked up for every member of every conversation.
CREATE UNIQUE INDEX ON ballast_people (number);

-- name: add_accounts
-- The people as accounts.
INSERT INTO accounts (id, email, name, role)
SELECT p.id, 'ballast-' || p.number || '@load.example', 'Ballast ' || p.number, 'client' FROM ballast_people AS p;

-- name: add_conversations
-- The conversations, their logs already as long as they are going to be.
INSERT INTO conversations (id, subject, head, created_by, created_at, last_at)
SELECT r.id, 'Ballast ' || r.number, %(head)s, r.members[1], now(), now() FROM ballast_rooms AS r;

-- name: add_members
-- Everybody in from the first event on.
INSERT INTO members (conversation_id, account_id, joined_seq)
SELECT r.id, m.account, 1 FROM ballast_rooms AS r CROSS JOIN LATERAL unnest(r.members) AS m (account);

-- name: add_created
-- The first event of every log.
INSERT INTO events (conversation_id, seq, kind, actor, command_id, fingerprint, at, data)
SELECT r.id, 1, 'created', r.members[1], gen_random_uuid(), uuid_send(gen_random_uuid()), now(),
       jsonb_build_object('subject', 'Ballast ' || r.number, 'project', NULL, 'members', to_jsonb(r.members))
  FROM ballast_rooms AS r;

-- name: add_messages
-- One message of every log, at its place %(seq)s: rows of one conversation end up far from each other, as they
-- do where a thousand conversations are spoken in at a time. Twenty to two hundred characters each.
INSERT INTO events (conversation_id, seq, kind, actor, command_id, fingerprint, at, body)
SELECT r.id, %(seq)s, 'message', r.members[1 + %(seq)s %% cardinality(r.members)], gen_random_uuid(),
       uuid_send(gen_random_uuid()), now(),
       left(repeat('So that there is something to look past. ', 5), 20 + (r.number * 31 + %(seq)s * 17) %% 180)
  FROM ballast_rooms AS r;
