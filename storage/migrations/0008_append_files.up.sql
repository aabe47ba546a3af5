-- As in 0004, with files: messages bring them, deletions let them go, and `scanned` tells a verdict.
CREATE OR REPLACE FUNCTION append_events(
    p_conversation uuid[],
    p_actor uuid[],
    p_command uuid[],
    p_kind text[],
    p_fingerprint uuid[],
    p_body text[],
    p_data jsonb[]
)
RETURNS TABLE (ord integer, code text, seq bigint, at timestamptz, replayed boolean, field text)
LANGUAGE plpgsql VOLATILE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_bitmapscan = off
AS $$
#variable_conflict use_column
DECLARE
    v_controls boolean := p_kind && ARRAY['create', 'join', 'leave', 'edit', 'delete', 'react', 'rename', 'status',
                                          'scanned'];
    v_attaching boolean := EXISTS (SELECT FROM unnest(p_data) AS d (data) WHERE d.data ? 'attachments');
    v_refusal text[] := '{}';          -- by ord: why a creation is refused
    v_refused_field text[] := '{}';
    v_locked uuid[];
    v_all_locked boolean;
    v_at timestamptz;
    v_new_seq bigint;
    v_kind text;
    v_target uuid;
    v_message record;
    v_replaced text;
    v_grown uuid[] := '{}';            -- conversations that control commands grew, and how far
    v_heads bigint[] := '{}';
    c record;
    v_event record;
    v_room record;
    v_actor record;
BEGIN
    IF v_controls THEN
        -- Two workers that create the same conversation: the second waits here, then finds it made.
        PERFORM pg_advisory_xact_lock(made.key)
           FROM (SELECT DISTINCT hashtextextended(x.conversation::text, 0) AS key
                   FROM unnest(p_conversation, p_kind) AS x (conversation, kind)
                  WHERE x.kind = 'create'
                  ORDER BY key) AS made;

        -- Accounts that only the host application knows so far get a row, if staff names them.
        INSERT INTO accounts (id, role)
        SELECT DISTINCT named.account, 'client'
          FROM (SELECT x.data ->> 'account' AS account
                  FROM unnest(p_conversation, p_actor, p_kind, p_data) AS x (conversation, actor, kind, data)
                  JOIN accounts AS a ON a.id = x.actor AND a.role <> 'client' AND a.suspended_at IS NULL
                  JOIN members AS m
                    ON m.conversation_id = x.conversation AND m.account_id = x.actor AND m.left_seq IS NULL
                  JOIN conversations AS v ON v.id = x.conversation AND v.status = 'open'
                 WHERE x.kind = 'join'
                 UNION ALL
                SELECT jsonb_array_elements_text(x.data -> 'members')
                  FROM unnest(p_conversation, p_actor, p_kind, p_data) AS x (conversation, actor, kind, data)
                  JOIN accounts AS a ON a.id = x.actor AND a.role <> 'client' AND a.suspended_at IS NULL
                 WHERE x.kind = 'create'
                   AND (x.data ->> 'project' IS NULL
                        OR EXISTS (SELECT FROM projects AS p WHERE p.id = (x.data ->> 'project')::uuid))
                   AND NOT EXISTS (SELECT FROM conversations AS v WHERE v.id = x.conversation)
               ) AS text_of (text)
               CROSS JOIN LATERAL (SELECT text_of.text::uuid AS account) AS named
         WHERE NOT EXISTS (SELECT FROM accounts AS a WHERE a.id = named.account)
         ORDER BY named.account
            ON CONFLICT (id) DO NOTHING;

        FOR c IN
            SELECT x.ord::integer AS ord, x.conversation, x.actor, x.data, (x.data ->> 'project')::uuid AS project
              FROM unnest(p_conversation, p_actor, p_kind, p_data)
                   WITH ORDINALITY AS x (conversation, actor, kind, data, ord)
             WHERE x.kind = 'create'
               AND NOT EXISTS (SELECT FROM conversations AS v WHERE v.id = x.conversation)
             ORDER BY x.conversation
        LOOP
            SELECT a.role, a.suspended_at INTO v_actor FROM accounts AS a WHERE a.id = c.actor;
            IF NOT FOUND OR v_actor.suspended_at IS NOT NULL THEN
                v_refusal[c.ord] := 'forbidden';
            ELSIF v_actor.role = 'client' AND c.project IS NULL THEN
                v_refusal[c.ord] := 'forbidden';
                v_refused_field[c.ord] := 'project';
            ELSIF v_actor.role = 'client' AND NOT EXISTS (
                SELECT FROM project_members AS p WHERE p.project_id = c.project AND p.account_id = c.actor
            ) OR c.project IS NOT NULL AND NOT EXISTS (SELECT FROM projects AS p WHERE p.id = c.project) THEN
                v_refusal[c.ord] := 'not_found';
                v_refused_field[c.ord] := 'project';
            ELSIF v_actor.role = 'client' AND EXISTS (
                SELECT FROM jsonb_array_elements_text(c.data -> 'members') AS w (account)
                 WHERE NOT EXISTS (
                           SELECT FROM project_members AS p
                            WHERE p.project_id = c.project AND p.account_id = w.account::uuid)
                   AND NOT EXISTS (
                           SELECT FROM accounts AS a WHERE a.id = w.account::uuid AND a.role <> 'client')
            ) THEN
                v_refusal[c.ord] := 'forbidden';
                v_refused_field[c.ord] := 'members';
            ELSE
                INSERT INTO conversations (id, subject, project_id, created_by, created_at, last_at)
                VALUES (c.conversation, c.data ->> 'subject', c.project, c.actor, clock_timestamp(), clock_timestamp());
            END IF;
        END LOOP;
    END IF;

    -- What is created by others from here on is not locked by us, and stays as if it were not there.
    v_locked := ARRAY(
        SELECT v.id FROM conversations AS v WHERE v.id = ANY (p_conversation) ORDER BY v.id FOR NO KEY UPDATE
    );
    v_all_locked := cardinality(v_locked) = (SELECT count(DISTINCT x.id) FROM unnest(p_conversation) AS x (id));
    v_at := date_trunc('milliseconds', clock_timestamp());

    IF v_attaching OR p_kind && ARRAY['delete', 'scanned'] THEN
        -- Files come behind conversations, in the order of their ids.
        PERFORM FROM files AS f
          WHERE f.id = ANY (ARRAY(
                SELECT w.file::uuid
                  FROM unnest(p_data) AS d (data)
                 CROSS JOIN LATERAL jsonb_array_elements_text(d.data -> 'attachments') AS w (file)
                 WHERE d.data ? 'attachments'
                 UNION ALL
                SELECT a.file_id
                  FROM unnest(p_conversation, p_kind, p_data) AS x (conversation, kind, data)
                  JOIN attachments AS a
                    ON a.conversation_id = x.conversation AND a.seq = (x.data ->> 'target')::bigint
                 WHERE x.kind = 'delete'
                 UNION ALL
                SELECT (x.data ->> 'file')::uuid
                  FROM unnest(p_kind, p_data) AS x (kind, data)
                 WHERE x.kind = 'scanned'))
          ORDER BY f.id FOR NO KEY UPDATE;
    END IF;

    IF v_controls THEN
        FOR c IN
            SELECT x.ord::integer AS ord, x.conversation, x.actor, x.command, x.kind, x.fingerprint, x.body, x.data
              FROM unnest(p_conversation, p_actor, p_command, p_kind, p_fingerprint, p_body, p_data)
                   WITH ORDINALITY AS x (conversation, actor, command, kind, fingerprint, body, data, ord)
             WHERE x.kind <> 'message'
             ORDER BY x.ord
        LOOP
            ord := c.ord;
            code := '';
            seq := 0;
            at := NULL;
            replayed := false;
            field := NULL;

            SELECT e.seq, e.at, e.fingerprint = uuid_send(c.fingerprint) AS same INTO v_event
              FROM events AS e
             WHERE e.conversation_id = c.conversation AND e.actor = c.actor AND e.command_id = c.command;
            IF FOUND THEN
                IF v_event.same THEN
                    seq := v_event.seq;
                    at := v_event.at;
                    replayed := true;
                ELSE
                    code := 'id_conflict';
                END IF;
                RETURN NEXT;
                CONTINUE;
            END IF;

            SELECT v.head, v.status INTO v_room FROM conversations AS v
             WHERE v.id = c.conversation AND v.id = ANY (v_locked);

            IF c.kind = 'create' THEN
                IF v_refusal[c.ord] IS NOT NULL THEN
                    code := v_refusal[c.ord];
                    field := v_refused_field[c.ord];
                ELSIF v_room.head > 0 THEN
                    code := 'id_conflict';  -- the conversation is there, and this command did not begin it
                END IF;
            ELSIF c.kind = 'scanned' THEN
                -- Told by the scanning workers, whoever is a member; once for each verdict, and none that is outdated.
                IF v_room.head IS NULL OR NOT EXISTS (
                    SELECT FROM attachments AS a
                      JOIN files AS f ON f.id = a.file_id
                     WHERE a.file_id = (c.data ->> 'file')::uuid AND a.conversation_id = c.conversation
                       AND a.told < f.revision AND f.revision = (c.data ->> 'revision')::integer
                ) THEN
                    code := 'not_found';
                    field := 'file';
                END IF;
            ELSE
                v_target := (c.data ->> 'account')::uuid;
                SELECT a.role, a.suspended_at INTO v_actor
                  FROM members AS m
                  JOIN accounts AS a ON a.id = m.account_id
                 WHERE v_room.head IS NOT NULL AND m.conversation_id = c.conversation AND m.account_id = c.actor AND m.left_seq IS NULL;
                IF NOT FOUND THEN
                    code := 'not_found';
                ELSIF v_actor.suspended_at IS NOT NULL THEN
                    code := 'forbidden';
                ELSIF v_actor.role = 'client'
                      AND NOT (c.kind IN ('edit', 'delete', 'react') OR c.kind = 'leave' AND v_target = c.actor) THEN
                    code := 'forbidden';
                ELSIF v_room.status <> 'open' AND c.kind <> 'status' THEN
                    code := 'closed';
                ELSIF c.kind IN ('edit', 'delete', 'react') THEN
                    -- What was never said, what is no message and what is deleted look the same.
                    SELECT e.actor INTO v_message FROM events AS e
                     WHERE e.conversation_id = c.conversation AND e.seq = (c.data ->> 'target')::bigint
                       AND e.kind = 'message' AND e.deleted_at IS NULL;
                    IF NOT FOUND THEN
                        code := 'not_found';
                        field := 'seq';
                    ELSIF v_message.actor <> c.actor
                          AND (c.kind = 'edit' OR c.kind = 'delete' AND v_actor.role <> 'admin') THEN
                        code := 'forbidden';
                    END IF;
                ELSIF c.kind = 'leave' AND NOT EXISTS (
                    SELECT FROM members AS m
                     WHERE m.conversation_id = c.conversation AND m.account_id = v_target AND m.left_seq IS NULL
                ) THEN
                    code := 'not_found';
                    field := 'account';
                END IF;
            END IF;
            IF code <> '' THEN
                RETURN NEXT;
                CONTINUE;
            END IF;

            v_new_seq := v_room.head + 1;
            IF c.kind = 'create' THEN
                v_kind := 'created';
                INSERT INTO members (conversation_id, account_id, joined_seq)
                SELECT DISTINCT c.conversation, w.account::uuid, v_new_seq
                  FROM jsonb_array_elements_text(c.data -> 'members') AS w (account);
                UPDATE conversations AS v SET created_at = v_at WHERE v.id = c.conversation;
            ELSIF c.kind = 'join' THEN
                v_kind := 'member_joined';
                INSERT INTO accounts (id, role) VALUES (v_target, 'client') ON CONFLICT (id) DO NOTHING;
                INSERT INTO members AS m (conversation_id, account_id, joined_seq)
                VALUES (c.conversation, v_target, v_new_seq)
                    ON CONFLICT (conversation_id, account_id) DO UPDATE
                   SET left_seq = NULL, joined_seq = excluded.joined_seq
                 WHERE m.left_seq IS NOT NULL;
            ELSIF c.kind = 'leave' THEN
                v_kind := 'member_left';
                UPDATE members AS m SET left_seq = v_new_seq
                 WHERE m.conversation_id = c.conversation AND m.account_id = v_target;
            ELSIF c.kind = 'edit' THEN
                v_kind := 'edited';
                WITH before AS (
                    SELECT e.body FROM events AS e
                     WHERE e.conversation_id = c.conversation AND e.seq = (c.data ->> 'target')::bigint
                )
                UPDATE events AS e SET body = c.body, edited_at = v_at FROM before
                 WHERE e.conversation_id = c.conversation AND e.seq = (c.data ->> 'target')::bigint
                RETURNING before.body INTO v_replaced;
            ELSIF c.kind = 'delete' THEN
                v_kind := 'deleted';
                UPDATE events AS e SET body = NULL, deleted_at = v_at, data = e.data - 'attachments'
                 WHERE e.conversation_id = c.conversation AND e.seq = (c.data ->> 'target')::bigint;
                -- A file that no message holds any more stays an hour, then it is swept.
                WITH detached AS (
                    DELETE FROM attachments AS a
                     WHERE a.conversation_id = c.conversation AND a.seq = (c.data ->> 'target')::bigint
                    RETURNING a.file_id
                )
                UPDATE files AS f
                   SET uses = f.uses - d.uses, expires_at = greatest(f.expires_at, v_at + interval '1 hour')
                  FROM (SELECT file_id, count(*)::integer AS uses FROM detached GROUP BY file_id) AS d
                 WHERE f.id = d.file_id;
                UPDATE events AS e SET body = NULL, replaced = NULL
                 WHERE e.conversation_id = c.conversation AND e.kind = 'edited'
                   AND (e.data ->> 'target')::bigint = (c.data ->> 'target')::bigint;
            ELSIF c.kind = 'react' THEN
                v_kind := 'reaction';
            ELSIF c.kind = 'rename' THEN
                v_kind := 'renamed';
                UPDATE conversations AS v SET subject = c.data ->> 'subject' WHERE v.id = c.conversation;
            ELSIF c.kind = 'scanned' THEN
                v_kind := 'file_scanned';
                UPDATE attachments AS a SET told = (c.data ->> 'revision')::integer
                 WHERE a.file_id = (c.data ->> 'file')::uuid AND a.conversation_id = c.conversation;
            ELSE
                v_kind := 'status_changed';
                UPDATE conversations AS v SET status = c.data ->> 'status' WHERE v.id = c.conversation;
            END IF;
            INSERT INTO events (conversation_id, seq, kind, actor, command_id, fingerprint, at, body, replaced, data)
            VALUES (c.conversation, v_new_seq, v_kind, c.actor, c.command, uuid_send(c.fingerprint), v_at,
                    c.body, v_replaced, c.data);
            v_replaced := NULL;
            -- A verdict is nobody's activity: a file that is scanned anew lifts no conversation to the top of a list.
            UPDATE conversations AS v
               SET head = v_new_seq, last_at = CASE c.kind WHEN 'scanned' THEN v.last_at ELSE v_at END
             WHERE v.id = c.conversation;
            v_grown := v_grown || c.conversation;
            v_heads := v_heads || v_new_seq;
            seq := v_new_seq;
            at := v_at;
            RETURN NEXT;
        END LOOP;
    END IF;

    -- Members and accounts are looked up by their whole primary keys: a partial index must not tempt the planner.
    RETURN QUERY
    WITH command AS MATERIALIZED (
        SELECT x.*, e.seq AS known_seq, e.at AS known_at, e.fingerprint = uuid_send(x.fingerprint) AS same
          FROM unnest(p_conversation, p_actor, p_command, p_kind, p_fingerprint, p_body, p_data)
               WITH ORDINALITY AS x (conversation, actor, command, kind, fingerprint, body, data, ord)
          LEFT JOIN events AS e
            ON e.conversation_id = x.conversation AND e.actor = x.actor AND e.command_id = x.command
         WHERE x.kind = 'message'
    ), judged AS MATERIALIZED (
        SELECT c.*, v.head,
               CASE WHEN c.same THEN 'known'
                    WHEN NOT c.same THEN 'id_conflict'
                    WHEN v.id IS NULL OR m.account_id IS NULL OR m.left_seq IS NOT NULL THEN 'not_found'
                    WHEN a.suspended_at IS NOT NULL THEN 'forbidden'
                    WHEN v.status <> 'open' THEN 'closed'
                    WHEN c.data ? 'reply_to' AND NOT EXISTS (
                         SELECT FROM events AS r
                          WHERE r.conversation_id = c.conversation
                            AND r.seq = (c.data ->> 'reply_to')::bigint AND r.kind = 'message')
                    THEN 'reply_to'
                    WHEN c.data ? 'mentions' AND EXISTS (
                         SELECT FROM jsonb_array_elements_text(c.data -> 'mentions') AS w (account)
                          WHERE (SELECT o.left_seq IS NULL FROM members AS o
                                  WHERE o.conversation_id = c.conversation AND o.account_id = w.account::uuid)
                                IS NOT TRUE)
                    THEN 'mentions'
                    WHEN c.data ? 'attachments' AND EXISTS (
                         SELECT FROM jsonb_array_elements_text(c.data -> 'attachments') AS w (file)
                          WHERE (SELECT f.owner = c.actor AND f.state NOT IN ('uploading', 'deleted') FROM files AS f
                                  WHERE f.id = w.file::uuid) IS NOT TRUE)
                    THEN 'attachments'
                    ELSE 'new'
               END AS verdict
          FROM command AS c
          LEFT JOIN conversations AS v
            ON v.id = c.conversation AND (v_all_locked OR v.id = ANY (v_locked))
          LEFT JOIN members AS m ON m.conversation_id = c.conversation AND m.account_id = c.actor
          LEFT JOIN accounts AS a ON a.id = m.account_id
    ), numbered AS MATERIALIZED (
        SELECT j.*,
               j.head + count(*) FILTER (WHERE j.verdict = 'new')
                        OVER (PARTITION BY j.conversation ORDER BY j.ord ROWS UNBOUNDED PRECEDING) AS new_seq
          FROM judged AS j
    ), stored AS (
        INSERT INTO events (conversation_id, seq, kind, actor, command_id, fingerprint, at, body, data)
        SELECT n.conversation, n.new_seq, 'message', n.actor, n.command, uuid_send(n.fingerprint), v_at,
               n.body, n.data
          FROM numbered AS n
         WHERE n.verdict = 'new'
    ), grown AS (
        UPDATE conversations AS v
           SET head = g.head, last_at = v_at
          FROM (SELECT n.conversation, max(n.new_seq) AS head
                  FROM numbered AS n WHERE n.verdict = 'new' GROUP BY n.conversation) AS g
         WHERE v.id = g.conversation
        RETURNING v.id, v.head
    ), fed AS (
        INSERT INTO commits (conversations, heads, at)
        SELECT array_agg(f.id), array_agg(f.head), v_at
          FROM (SELECT u.id, max(u.head) AS head
                  FROM (SELECT g.id, g.head FROM grown AS g
                         UNION ALL
                        SELECT * FROM unnest(v_grown, v_heads)) AS u (id, head)
                 GROUP BY u.id) AS f
        HAVING count(*) > 0
    )
    SELECT n.ord::integer,
           CASE WHEN n.verdict IN ('new', 'known') THEN ''
                WHEN n.verdict IN ('reply_to', 'mentions', 'attachments') THEN 'invalid'
                ELSE n.verdict END,
           CASE n.verdict WHEN 'new' THEN n.new_seq WHEN 'known' THEN n.known_seq ELSE 0 END,
           CASE n.verdict WHEN 'new' THEN v_at WHEN 'known' THEN n.known_at END,
           n.verdict = 'known',
           CASE WHEN n.verdict IN ('reply_to', 'mentions', 'attachments') THEN n.verdict END
      FROM numbered AS n;

    IF v_attaching THEN
        -- What was said before has its files already; what was taken back has none, here and in its data.
        WITH attached AS (
            INSERT INTO attachments (conversation_id, seq, place, file_id, told)
            SELECT e.conversation_id, e.seq, w.place::smallint, f.id, f.revision
              FROM unnest(p_conversation, p_actor, p_command, p_data) AS x (conversation, actor, command, data)
              JOIN events AS e
                ON e.conversation_id = x.conversation AND e.actor = x.actor AND e.command_id = x.command
             CROSS JOIN LATERAL jsonb_array_elements_text(e.data -> 'attachments') WITH ORDINALITY AS w (file, place)
              JOIN files AS f ON f.id = w.file::uuid
             WHERE x.data ? 'attachments' AND e.kind = 'message' AND e.data ? 'attachments'
               AND NOT EXISTS (SELECT FROM attachments AS a
                                WHERE a.conversation_id = e.conversation_id AND a.seq = e.seq)
            RETURNING file_id
        )
        UPDATE files AS f SET uses = f.uses + n.uses
          FROM (SELECT file_id, count(*)::integer AS uses FROM attached GROUP BY file_id) AS n
         WHERE f.id = n.file_id;
    END IF;
END
$$;
