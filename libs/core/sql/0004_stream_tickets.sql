-- What opens a stream of events: shown once, within half a minute, by whoever could ask for it with a token. A service that has
-- streams calls this once.
CREATE FUNCTION core.create_stream_tickets(schema_name text) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE format(
        'CREATE TABLE %1$I.stream_tickets (
            organization_id uuid NOT NULL,
            id uuid NOT NULL,
            secret_hash text NOT NULL,
            kind text NOT NULL,
            topic uuid,
            principal jsonb NOT NULL,
            expires_at timestamptz NOT NULL,
            CONSTRAINT stream_tickets_pkey PRIMARY KEY (organization_id, id)
        )', schema_name);
    PERFORM core.protect(format('%I.stream_tickets', schema_name)::regclass, NULL);
    EXECUTE format('GRANT SELECT, INSERT, DELETE ON %1$I.stream_tickets TO %2$I', schema_name, schema_name || '_api');
    EXECUTE format('GRANT SELECT (organization_id, id, expires_at), DELETE ON %1$I.stream_tickets TO %2$I',
        schema_name, schema_name || '_worker');
END
$$;
