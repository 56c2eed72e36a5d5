-- Generated from the migrations by `make snapshots`: the data model on one page. Never edited.

CREATE SCHEMA core;

CREATE FUNCTION core.add_standing(schema_name text) RETURNS void
    LANGUAGE plpgsql
    AS $_$
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
$_$;

CREATE FUNCTION core.audit(target regclass, secret_columns text[] DEFAULT '{}'::text[], ignored_columns text[] DEFAULT '{}'::text[], subject text DEFAULT NULL::text, personal_columns text[] DEFAULT '{}'::text[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    arguments constant text := format('%L, %L, %L, %L',
        secret_columns::text, (ignored_columns || '{updated_at,revision}'::text[])::text,
        COALESCE(subject, ''), personal_columns::text);
BEGIN
    EXECUTE format('CREATE TRIGGER audit_insert AFTER INSERT ON %s REFERENCING NEW TABLE AS new_rows'
        ' FOR EACH STATEMENT EXECUTE FUNCTION core.record_changes(%s)', target, arguments);
    EXECUTE format('CREATE TRIGGER audit_update AFTER UPDATE ON %s REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows'
        ' FOR EACH STATEMENT EXECUTE FUNCTION core.record_changes(%s)', target, arguments);
    EXECUTE format('CREATE TRIGGER audit_delete AFTER DELETE ON %s REFERENCING OLD TABLE AS old_rows'
        ' FOR EACH STATEMENT EXECUTE FUNCTION core.record_changes(%s)', target, arguments);
END
$$;

CREATE FUNCTION core.change_of(row_old jsonb, row_new jsonb, subject text, unrecorded text[]) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    SELECT jsonb_build_object(
            'row_id', COALESCE(COALESCE(row_new, row_old) ->> 'id', COALESCE(row_new, row_old) ->> 'organization_id'),
            'subject_id', COALESCE(row_new, row_old) -> subject)
        || CASE WHEN row_old IS NULL THEN '{}' ELSE jsonb_build_object('old', row_old - unrecorded) END
        || CASE WHEN row_new IS NULL THEN '{}' ELSE jsonb_build_object('new', row_new - unrecorded) END
$$;

CREATE FUNCTION core.create_directory(schema_name text) RETURNS void
    LANGUAGE plpgsql
    AS $_$
DECLARE
    projection text;
BEGIN
    EXECUTE format(
        'CREATE TABLE %1$I.organizations (
            organization_id uuid NOT NULL,
            slug text NOT NULL,
            legal_name text NOT NULL,
            country text NOT NULL,
            locale text NOT NULL,
            time_zone text NOT NULL,
            status text NOT NULL,
            registered_at timestamptz NOT NULL,
            version bigint NOT NULL,
            CONSTRAINT organizations_pkey PRIMARY KEY (organization_id)
        )', schema_name);
    EXECUTE format(
        'CREATE TABLE %1$I.workshops (
            organization_id uuid NOT NULL,
            id uuid NOT NULL,
            name text NOT NULL,
            slug text NOT NULL,
            time_zone text NOT NULL,
            postal_code text NOT NULL,
            federal_state text,
            is_active boolean NOT NULL,
            version bigint NOT NULL,
            CONSTRAINT workshops_pkey PRIMARY KEY (organization_id, id)
        )', schema_name);
    EXECUTE format(
        'CREATE TABLE %1$I.members (
            organization_id uuid NOT NULL,
            id uuid NOT NULL,
            user_id uuid NOT NULL,
            role text NOT NULL,
            workshop_ids uuid[],
            is_active boolean NOT NULL,
            version bigint NOT NULL,
            CONSTRAINT members_pkey PRIMARY KEY (organization_id, id),
            CONSTRAINT members_user UNIQUE (organization_id, user_id)
        )', schema_name);
    PERFORM core.protect(format('%I.organizations', schema_name)::regclass, NULL);
    PERFORM core.protect(format('%I.workshops', schema_name)::regclass, 'id');
    PERFORM core.protect(format('%I.members', schema_name)::regclass, NULL);
    FOREACH projection IN ARRAY ARRAY['organizations', 'workshops', 'members'] LOOP
        PERFORM core.grant_projection(schema_name, projection);
    END LOOP;
END
$_$;

CREATE FUNCTION core.create_inner_tables(schema_name text) RETURNS void
    LANGUAGE plpgsql
    AS $_$
DECLARE
    api constant text := schema_name || '_api';
    worker constant text := schema_name || '_worker';
BEGIN
    PERFORM core.create_outbox(schema_name, 'outbox');
    PERFORM core.create_outbox(schema_name, 'audit_outbox');

    EXECUTE format(
        'CREATE TABLE %1$I.idempotency_keys (
            organization_id uuid NOT NULL,
            principal uuid NOT NULL,
            key_hash bytea NOT NULL,
            fingerprint bytea NOT NULL,
            answer bytea NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            expires_at timestamptz NOT NULL DEFAULT now() + interval ''24 hours'',
            CONSTRAINT idempotency_keys_pkey PRIMARY KEY (organization_id, principal, key_hash)
        )', schema_name);
    EXECUTE format('CREATE INDEX idempotency_keys_expiry ON %1$I.idempotency_keys (expires_at)', schema_name);
    EXECUTE format('GRANT SELECT, INSERT ON %1$I.idempotency_keys TO %2$I', schema_name, api);
    EXECUTE format('GRANT SELECT (organization_id, principal, key_hash, expires_at), DELETE ON %1$I.idempotency_keys TO %2$I', schema_name, worker);

    EXECUTE format(
        'CREATE TABLE %1$I.inbox (
            consumer text NOT NULL,
            event_id uuid NOT NULL,
            processed_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT inbox_pkey PRIMARY KEY (consumer, event_id)
        )', schema_name);
    EXECUTE format('CREATE INDEX inbox_processed_at ON %1$I.inbox (processed_at)', schema_name);
    EXECUTE format('GRANT SELECT, INSERT, DELETE ON %1$I.inbox TO %2$I', schema_name, worker);

    EXECUTE format(
        'CREATE TABLE %1$I.dead_letters (
            id uuid NOT NULL DEFAULT core.uuid7(),
            consumer text NOT NULL,
            event_id uuid NOT NULL,
            subject text NOT NULL,
            headers jsonb NOT NULL,
            body bytea NOT NULL,
            error text NOT NULL,
            trace_id text,
            failed_at timestamptz NOT NULL DEFAULT now(),
            replayed_at timestamptz,
            CONSTRAINT dead_letters_pkey PRIMARY KEY (id),
            CONSTRAINT dead_letters_once UNIQUE (consumer, event_id)
        )', schema_name);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %1$I.dead_letters TO %2$I', schema_name, worker);

    EXECUTE format(
        'CREATE TABLE %1$I.timers (
            organization_id uuid NOT NULL,
            kind text NOT NULL,
            key uuid NOT NULL,
            due_at timestamptz NOT NULL,
            attempts integer NOT NULL DEFAULT 0,
            created_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT timers_pkey PRIMARY KEY (organization_id, kind, key)
        )', schema_name);
    EXECUTE format('CREATE INDEX timers_due ON %1$I.timers (due_at)', schema_name);
    EXECUTE format('GRANT INSERT ON %1$I.timers TO %2$I', schema_name, api);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %1$I.timers TO %2$I', schema_name, worker);

    EXECUTE format(
        'CREATE TABLE %1$I.jobs (
            name text NOT NULL,
            holder uuid,
            leased_until timestamptz NOT NULL DEFAULT ''-infinity'',
            due_at timestamptz NOT NULL DEFAULT now(),
            last_run_at timestamptz,
            CONSTRAINT jobs_pkey PRIMARY KEY (name)
        )', schema_name);
    EXECUTE format('GRANT INSERT ON %1$I.jobs TO %2$I', schema_name, api);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %1$I.jobs TO %2$I', schema_name, worker);

    EXECUTE format(
        'CREATE TABLE %1$I.revocations (
            organization_id uuid NOT NULL,
            kind text NOT NULL CONSTRAINT revocations_kind CHECK (kind IN (''session'', ''member'', ''api_key'', ''organization'')),
            subject_id uuid NOT NULL,
            not_before timestamptz NOT NULL,
            recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            CONSTRAINT revocations_pkey PRIMARY KEY (organization_id, kind, subject_id)
        )', schema_name);
    EXECUTE format('CREATE INDEX revocations_recorded_at ON %1$I.revocations (recorded_at)', schema_name);
    EXECUTE format('GRANT SELECT ON %1$I.revocations TO %2$I', schema_name, api);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %1$I.revocations TO %2$I', schema_name, worker);

    -- Which organisations there are, by id alone: what a job or an announcement walks along before it opens each one's context.
    EXECUTE format(
        'CREATE TABLE %1$I.tenants (
            organization_id uuid NOT NULL,
            seen_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT tenants_pkey PRIMARY KEY (organization_id)
        )', schema_name);
    EXECUTE format('GRANT SELECT (organization_id), INSERT ON %1$I.tenants TO %2$I', schema_name, api);
    EXECUTE format('GRANT SELECT, INSERT ON %1$I.tenants TO %2$I', schema_name, worker);
END
$_$;

CREATE FUNCTION core.create_outbox(schema_name text, table_name text) RETURNS void
    LANGUAGE plpgsql
    AS $_$
BEGIN
    EXECUTE format(
        'CREATE TABLE %1$I.%2$I (
            pos bigint GENERATED BY DEFAULT AS IDENTITY,
            event_id uuid NOT NULL,
            organization_id uuid NOT NULL,
            subject text NOT NULL,
            aggregate_id uuid NOT NULL,
            aggregate_version bigint NOT NULL,
            traceparent text,
            body bytea NOT NULL CONSTRAINT %3$I CHECK (octet_length(body) <= 524288),
            created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            published_at timestamptz,
            publications smallint NOT NULL DEFAULT 0,
            CONSTRAINT %4$I PRIMARY KEY (created_at, pos)
        ) PARTITION BY RANGE (created_at)',
        schema_name, table_name, table_name || '_body_fits', table_name || '_pkey');
    EXECUTE format('CREATE INDEX %3$I ON %1$I.%2$I (pos) WHERE published_at IS NULL',
        schema_name, table_name, table_name || '_unpublished');
    PERFORM core.partition(schema_name || '.' || table_name, 'created_at', '1 day', 4);
    EXECUTE format('GRANT INSERT ON %1$I.%2$I TO %3$I', schema_name, table_name, schema_name || '_api');
    EXECUTE format('GRANT SELECT, INSERT, UPDATE (published_at, publications) ON %1$I.%2$I TO %3$I',
        schema_name, table_name, schema_name || '_worker');
END
$_$;

CREATE FUNCTION core.create_publishable_keys(schema_name text) RETURNS void
    LANGUAGE plpgsql
    AS $_$
BEGIN
    EXECUTE format(
        'CREATE TABLE %1$I.publishable_keys (
            organization_id uuid NOT NULL,
            id uuid NOT NULL,
            workshop_id uuid NOT NULL,
            secret_hash text NOT NULL,
            allowed_origins text[] NOT NULL,
            expires_at timestamptz,
            revoked_at timestamptz,
            version bigint NOT NULL,
            CONSTRAINT publishable_keys_pkey PRIMARY KEY (organization_id, id)
        )', schema_name);
    PERFORM core.protect(format('%I.publishable_keys', schema_name)::regclass);
    PERFORM core.grant_projection(schema_name, 'publishable_keys');
END
$_$;

CREATE FUNCTION core.create_stream_tickets(schema_name text) RETURNS void
    LANGUAGE plpgsql
    AS $_$
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
$_$;

CREATE FUNCTION core.current_organization() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT NULLIF(current_setting('carbot.organization', true), '')::uuid $$;

CREATE FUNCTION core.current_user_id() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT NULLIF(current_setting('carbot.user', true), '')::uuid $$;

CREATE FUNCTION core.current_workshops() RETURNS uuid[]
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$
    SELECT CASE
        WHEN COALESCE(current_setting('carbot.workshops', true), '') IN ('', 'all') THEN '{}'::uuid[]
        ELSE current_setting('carbot.workshops', true)::uuid[]
    END
$$;

CREATE FUNCTION core.grant_projection(schema_name text, table_name text) RETURNS void
    LANGUAGE plpgsql
    AS $_$
DECLARE
    changing constant text := (
        SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum)
        FROM pg_attribute
        WHERE attrelid = format('%I.%I', schema_name, table_name)::regclass AND attnum > 0
            AND attname NOT IN ('organization_id', 'id')
    );
BEGIN
    EXECUTE format('GRANT SELECT ON %1$I.%2$I TO %3$I', schema_name, table_name, schema_name || '_api');
    EXECUTE format('GRANT SELECT, INSERT, UPDATE (%4$s) ON %1$I.%2$I TO %3$I',
        schema_name, table_name, schema_name || '_worker', changing);
END
$_$;

CREATE FUNCTION core.partition(parent text, control text, step text, premake integer) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF (SELECT extversion LIKE '4.%' FROM pg_extension WHERE extname = 'pg_partman') THEN
        PERFORM partman.create_parent(
            p_parent_table => parent, p_control => control, p_type => 'native', p_interval => step, p_premake => premake);
    ELSE
        PERFORM partman.create_parent(
            p_parent_table => parent, p_control => control, p_interval => step, p_premake => premake);
    END IF;
    UPDATE partman.part_config SET infinite_time_partitions = true WHERE parent_table = parent;
END
$$;

CREATE FUNCTION core.protect(target regclass, workshop_column text DEFAULT 'workshop_id'::text) RETURNS void
    LANGUAGE plpgsql
    AS $_$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
    EXECUTE format(
        'CREATE POLICY organization ON %s USING (organization_id = (SELECT core.current_organization()))', target);
    IF workshop_column IS NOT NULL THEN
        EXECUTE format(
            'CREATE POLICY workshop ON %1$s AS RESTRICTIVE USING (%2$I IS NULL OR (SELECT core.sees_all_workshops())'
            ' OR %2$I = ANY ((SELECT core.current_workshops())::uuid[]))', target, workshop_column);
    END IF;
END
$_$;

CREATE FUNCTION core.protect_partitions(schema_name text) RETURNS integer
    LANGUAGE plpgsql
    AS $$
DECLARE
    partition record;
    mended integer := 0;
BEGIN
    FOR partition IN
        SELECT child.oid::regclass AS name,
            EXISTS (SELECT FROM pg_policy WHERE polrelid = parent.oid AND polname = 'workshop') AS below_workshop
        FROM pg_inherits
        JOIN pg_class parent ON parent.oid = pg_inherits.inhparent
        JOIN pg_class child ON child.oid = pg_inherits.inhrelid
        WHERE parent.relnamespace = schema_name::regnamespace
            AND parent.relkind = 'p' AND parent.relrowsecurity AND NOT child.relrowsecurity
    LOOP
        PERFORM core.protect(partition.name, CASE WHEN partition.below_workshop THEN 'workshop_id' END);
        mended := mended + 1;
    END LOOP;
    RETURN mended;
END
$$;

CREATE FUNCTION core.record_changes() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    secret constant text[] := TG_ARGV[0]::text[];
    ignored constant text[] := TG_ARGV[1]::text[];
    subject constant text := TG_ARGV[2];
    header constant jsonb := jsonb_build_object(
        'table', TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME,
        'action', lower(TG_OP),
        'actor', NULLIF(current_setting('carbot.actor', true), ''),
        'user_id', NULLIF(current_setting('carbot.user', true), ''),
        'request_id', NULLIF(current_setting('carbot.request', true), ''),
        'trace_id', NULLIF(current_setting('carbot.trace', true), ''),
        'occurred_at', clock_timestamp(),
        'personal', to_jsonb(TG_ARGV[3]::text[]));
    operator constant uuid := '00000000-0000-0000-0000-000000000000';
    row_old jsonb;
    row_new jsonb;
    several boolean;
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT to_jsonb(n) INTO row_new FROM new_rows n LIMIT 1;
        several := EXISTS (SELECT FROM new_rows OFFSET 1);
    ELSIF TG_OP = 'DELETE' THEN
        SELECT to_jsonb(o) INTO row_old FROM old_rows o LIMIT 1;
        several := EXISTS (SELECT FROM old_rows OFFSET 1);
    ELSE
        SELECT to_jsonb(o) INTO row_old FROM old_rows o LIMIT 1;
        SELECT to_jsonb(n) INTO row_new FROM new_rows n LIMIT 1;
        several := EXISTS (SELECT FROM new_rows OFFSET 1);
    END IF;
    IF NOT several THEN
        IF row_old - ignored IS DISTINCT FROM row_new - ignored THEN
            INSERT INTO audit_outbox (event_id, organization_id, subject, aggregate_id, aggregate_version, body)
            VALUES (
                core.uuid7(),
                COALESCE((COALESCE(row_new, row_old) ->> 'organization_id')::uuid, operator),
                'audit.' || TG_TABLE_SCHEMA,
                operator,
                0,
                convert_to(
                    (header || jsonb_build_object('changes', jsonb_build_array(core.change_of(row_old, row_new, subject, secret || ignored))))::text,
                    'UTF8'));
        END IF;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO audit_outbox (event_id, organization_id, subject, aggregate_id, aggregate_version, body)
        SELECT core.uuid7(), organization, 'audit.' || TG_TABLE_SCHEMA, operator, 0,
            convert_to((header || jsonb_build_object('changes', jsonb_agg(change)))::text, 'UTF8')
        FROM (
            SELECT COALESCE((made ->> 'organization_id')::uuid, operator) AS organization,
                (row_number() OVER () - 1) / 100 AS batch,
                core.change_of(NULL, made, subject, secret || ignored) AS change
            FROM (SELECT to_jsonb(n) AS made FROM new_rows n) inserted
        ) changes
        GROUP BY organization, batch;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO audit_outbox (event_id, organization_id, subject, aggregate_id, aggregate_version, body)
        SELECT core.uuid7(), organization, 'audit.' || TG_TABLE_SCHEMA, operator, 0,
            convert_to((header || jsonb_build_object('changes', jsonb_agg(change)))::text, 'UTF8')
        FROM (
            SELECT COALESCE((gone ->> 'organization_id')::uuid, operator) AS organization,
                (row_number() OVER () - 1) / 100 AS batch,
                core.change_of(gone, NULL, subject, secret || ignored) AS change
            FROM (SELECT to_jsonb(o) AS gone FROM old_rows o) deleted
        ) changes
        GROUP BY organization, batch;
    ELSE
        INSERT INTO audit_outbox (event_id, organization_id, subject, aggregate_id, aggregate_version, body)
        SELECT core.uuid7(), organization, 'audit.' || TG_TABLE_SCHEMA, operator, 0,
            convert_to((header || jsonb_build_object('changes', jsonb_agg(change)))::text, 'UTF8')
        FROM (
            SELECT COALESCE((made ->> 'organization_id')::uuid, operator) AS organization,
                (row_number() OVER () - 1) / 100 AS batch,
                core.change_of(gone, made, subject, secret || ignored) AS change
            FROM (
                SELECT o.changed AS gone, n.changed AS made
                FROM (SELECT to_jsonb(o) AS changed FROM old_rows o) o
                JOIN (SELECT to_jsonb(n) AS changed FROM new_rows n) n
                    ON COALESCE(n.changed ->> 'organization_id', '') = COALESCE(o.changed ->> 'organization_id', '')
                    AND COALESCE(n.changed ->> 'id', '') = COALESCE(o.changed ->> 'id', '')
            ) updated
            WHERE gone - ignored IS DISTINCT FROM made - ignored
        ) changes
        GROUP BY organization, batch;
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION core.require_replay(wanted pg_lsn) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    FOR attempt IN 0..10 LOOP
        IF NOT pg_is_in_recovery() OR pg_last_wal_replay_lsn() >= wanted THEN
            RETURN;
        END IF;
        PERFORM pg_sleep(0.005);
    END LOOP;
    RAISE EXCEPTION 'the replica has not replayed %', wanted USING ERRCODE = '55R01';
END
$$;

CREATE FUNCTION core.sees_all_workshops() RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT COALESCE(current_setting('carbot.workshops', true), '') = 'all' $$;

CREATE FUNCTION core.uuid7() RETURNS uuid
    LANGUAGE sql PARALLEL SAFE
    AS $$
    SELECT encode(
        set_bit(set_bit(
            overlay(uuid_send(gen_random_uuid())
                PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6),
            52, 1), 53, 1),
        'hex')::uuid
$$;

CREATE TABLE core.schema_migrations (
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL,
    milliseconds integer NOT NULL
);

ALTER TABLE ONLY core.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (name);
