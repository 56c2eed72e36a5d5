-- Rewrites the table, once: what is searched must never lag behind its row, as with a trigger and a backfill it would.
-- squawk-ignore adding-field-with-default
ALTER TABLE crm.leads ADD COLUMN search text GENERATED ALWAYS AS (
    crm.fold(
        name || ' ' || COALESCE(email, '') || ' ' || COALESCE(vehicle, '') || ' ' || COALESCE(phone, '') || ' '
        || COALESCE('0' || substr(phone, 4), '')
    )
) STORED;
