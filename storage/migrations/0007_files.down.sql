-- Files, and what was said of them, are gone; what lies in the object store stays there.
DROP FUNCTION begin_upload(uuid, uuid, text, text, bigint, timestamptz, bigint, bigint);
DROP TABLE scanners;
DROP TABLE attachments;
DROP TABLE files;
