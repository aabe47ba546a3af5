-- Files: what is uploaded, what a scan said of it, and which messages hold it. The bytes lie in the object store.

CREATE TABLE files (
    id uuid PRIMARY KEY,
    owner uuid NOT NULL REFERENCES accounts,
    name text NOT NULL,
    type text NOT NULL,
    size bigint NOT NULL,
    received bigint NOT NULL DEFAULT 0,
    parts text[] NOT NULL DEFAULT '{}',
    state text NOT NULL DEFAULT 'uploading'
        CHECK (state IN ('uploading', 'scanning', 'clean', 'infected', 'rejected', 'deleted')),
    revision integer NOT NULL DEFAULT 0,
    uses integer NOT NULL DEFAULT 0 CHECK (uses >= 0),
    reason text,
    signature text,
    engine text,
    sha256 bytea,
    width integer,
    height integer,
    home text,
    variants text[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    scanned_at timestamptz,
    due_at timestamptz,
    claim uuid,
    attempts integer NOT NULL DEFAULT 0,
    fault text,
    released_by uuid,
    released_reason text,
    CHECK (received BETWEEN 0 AND size),
    CHECK ((state = 'clean') = (home IS NOT NULL))
);
COMMENT ON COLUMN files.parts IS 'Keys of the objects in quarantine that make it up, in order.';
COMMENT ON COLUMN files.home IS 'Below which key its objects lie once it is clean: `original` and the variants.';
COMMENT ON COLUMN files.revision IS 'The number of its verdict, from 1; readers keep the greatest.';
COMMENT ON COLUMN files.uses IS
    'How many attachments name it. An append changes it, so a sweep that found it unused looks again (READ COMMITTED).';
COMMENT ON COLUMN files.expires_at IS 'From when on it is swept while no message holds it.';
COMMENT ON COLUMN files.due_at IS
    'When a scanning worker may take it: a lease while one has it (`claim`), a pause after an error. Null: nothing to do.';
CREATE INDEX files_owner ON files (owner) WHERE state <> 'deleted';
CREATE INDEX files_due ON files (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX files_unused ON files (expires_at) WHERE uses = 0 AND state <> 'deleted';
CREATE INDEX files_held ON files (created_at, id) WHERE state IN ('scanning', 'infected', 'rejected');
CREATE UNIQUE INDEX files_home ON files (home) WHERE home IS NOT NULL;
CREATE INDEX files_scanned ON files (scanned_at) WHERE state = 'clean';

CREATE TABLE attachments (
    conversation_id uuid NOT NULL,
    seq bigint NOT NULL,
    place smallint NOT NULL,
    file_id uuid NOT NULL REFERENCES files,
    told integer NOT NULL,
    PRIMARY KEY (conversation_id, seq, place)
);
CREATE INDEX attachments_file ON attachments (file_id, conversation_id);
COMMENT ON COLUMN attachments.told IS
    'The last verdict that this conversation knows: below the file''s revision, a `file_scanned` is still to be appended.';

CREATE TABLE scanners (
    node text PRIMARY KEY,
    engine text NOT NULL,
    version text NOT NULL,
    works boolean NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE scanners IS 'Scanning workers that live, with what each scans: said again every few seconds.';

-- A new upload within the account's quota: counted under a lock of the account, so that two at once cannot both have
-- the last of it. The id is the caller's, so that a wish said twice makes one file. '' or a code of the protocol.
CREATE FUNCTION begin_upload(
    p_id uuid, p_owner uuid, p_name text, p_type text, p_size bigint, p_expires_at timestamptz,
    p_quota bigint, p_most_open bigint
)
RETURNS text LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_held record;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('upload ' || p_owner::text, 0));
    IF EXISTS (SELECT FROM files AS f WHERE f.id = p_id) THEN
        RETURN CASE WHEN EXISTS (SELECT FROM files AS f
                                  WHERE f.id = p_id AND f.owner = p_owner AND f.name = p_name AND f.size = p_size)
                    THEN '' ELSE 'id_conflict' END;
    END IF;
    SELECT coalesce(sum(f.size), 0) AS bytes, count(*) FILTER (WHERE f.state = 'uploading') AS open INTO v_held
      FROM files AS f WHERE f.owner = p_owner AND f.state <> 'deleted';
    IF v_held.bytes + p_size > p_quota THEN
        RETURN 'quota_exceeded';
    ELSIF v_held.open >= p_most_open THEN
        RETURN 'rate_limited';
    END IF;
    INSERT INTO files (id, owner, name, type, size, expires_at)
    VALUES (p_id, p_owner, p_name, p_type, p_size, p_expires_at);
    RETURN '';
END
$$;
