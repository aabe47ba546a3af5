DROP FUNCTION append_events(uuid[], uuid[], uuid[], text[], uuid[], text[], jsonb[]);
