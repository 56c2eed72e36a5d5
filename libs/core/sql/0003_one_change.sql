-- Recording one changed row costs half of what recording many does: no window, no grouping.

CREATE FUNCTION core.change_of(row_old jsonb, row_new jsonb, subject text, unrecorded text[]) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT jsonb_build_object(
            'row_id', COALESCE(COALESCE(row_new, row_old) ->> 'id', COALESCE(row_new, row_old) ->> 'organization_id'),
            'subject_id', COALESCE(row_new, row_old) -> subject)
        || CASE WHEN row_old IS NULL THEN '{}' ELSE jsonb_build_object('old', row_old - unrecorded) END
        || CASE WHEN row_new IS NULL THEN '{}' ELSE jsonb_build_object('new', row_new - unrecorded) END
$$;

CREATE OR REPLACE FUNCTION core.record_changes() RETURNS trigger
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
