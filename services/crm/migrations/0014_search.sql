-- Rewrites the table: no system has been in production with this one yet, and the column must never lag behind its row.
ALTER TABLE crm.leads ADD COLUMN search text GENERATED ALWAYS AS (
    crm.fold(
        name || ' ' || COALESCE(email, '') || ' ' || COALESCE(vehicle, '') || ' ' || COALESCE(phone, '') || ' '
        || COALESCE('0' || substr(phone, 4), '')
    )
) STORED;

CREATE INDEX leads_search ON crm.leads USING gin (organization_id, search gin_trgm_ops);
