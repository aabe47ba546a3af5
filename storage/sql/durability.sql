-- name: nature
-- Which history the server tells (system identifier and timeline: a restore or a promotion changes them)
-- and whether a commit means the disk, as this very session has it.
SELECT (SELECT system_identifier FROM pg_control_system())::text,
       (SELECT timeline_id FROM pg_control_checkpoint())::text,
       current_setting('fsync'),
       current_setting('synchronous_commit'),
       current_setting('full_page_writes');

-- name: alive
-- One cheap round trip.
SELECT 1;
