-- What every api must know of all organisations at once: whether they may write. Each service calls this once after
-- create_inner_tables.
CREATE FUNCTION core.add_standing(schema_name text) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE format(
        'ALTER TABLE %1$I.tenants
            ADD COLUMN status text NOT NULL DEFAULT ''trial'',
            ADD COLUMN version bigint NOT NULL DEFAULT 0,
            ADD COLUMN changed_at timestamptz NOT NULL DEFAULT clock_timestamp()', schema_name);
    EXECUTE format('CREATE INDEX tenants_changed_at ON %1$I.tenants (changed_at)', schema_name);
    EXECUTE format('GRANT SELECT (status, changed_at) ON %1$I.tenants TO %2$I', schema_name, schema_name || '_api');
    EXECUTE format('GRANT UPDATE (status, version, changed_at) ON %1$I.tenants TO %2$I', schema_name, schema_name || '_worker');
END
$$;
