-- How names are compared: Müller, Mueller and Muller are one, Straße and strasse, Özdemir and ozdemir, Łukasz and lukasz.
CREATE FUNCTION crm.fold(written text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$
    SELECT regexp_replace(
        lower(public.unaccent('public.unaccent'::regdictionary, lower(normalize(written, NFC)))), '([aou])e', '\1', 'g')
$$;

CREATE TABLE crm.customers (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    workshop_id uuid,
    kind text NOT NULL,
    first_name text,
    last_name text,
    company text,
    email text,
    phone text,
    street text,
    postal_code text,
    city text,
    country text NOT NULL DEFAULT 'DE',
    language text NOT NULL DEFAULT 'de',
    note text,
    source text NOT NULL,
    merged_into uuid,
    restricted_at timestamptz,
    restricted_until date,
    search text GENERATED ALWAYS AS (
        crm.fold(
            COALESCE(first_name, '') || ' ' || COALESCE(last_name, '') || ' ' || COALESCE(company, '') || ' '
            || COALESCE(email, '') || ' ' || COALESCE(street, '') || ' ' || COALESCE(city, '') || ' '
            || COALESCE(phone, '') || ' ' || COALESCE('0' || substr(phone, 4), '')
        )
    ) STORED,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    revision bigint NOT NULL DEFAULT 1,
    CONSTRAINT customers_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT customers_workshop FOREIGN KEY (organization_id, workshop_id) REFERENCES crm.workshops (organization_id, id),
    CONSTRAINT customers_survivor FOREIGN KEY (organization_id, merged_into) REFERENCES crm.customers (organization_id, id)
    ON DELETE SET NULL (merged_into),
    CONSTRAINT customers_kind CHECK (kind IN ('person', 'company')),
    CONSTRAINT customers_named CHECK (CASE kind WHEN 'company' THEN company ELSE last_name END IS NOT NULL),
    CONSTRAINT customers_language CHECK (language IN ('de', 'en', 'tr', 'pl')),
    CONSTRAINT customers_source CHECK (source IN ('staff', 'lead', 'chat', 'booking', 'import')),
    CONSTRAINT customers_merged_elsewhere CHECK (merged_into <> id)
);

-- The list of the whole organisation; of a workshop (also behind customers_workshop).
CREATE INDEX customers_newest ON crm.customers (organization_id, created_at DESC, id DESC) WHERE merged_into IS NULL;
CREATE INDEX customers_workshop_newest ON crm.customers (organization_id, workshop_id, created_at DESC, id DESC);
-- Lookup and duplicates.
CREATE INDEX customers_email ON crm.customers (organization_id, email);
CREATE INDEX customers_phone ON crm.customers (organization_id, phone);
CREATE INDEX customers_survivor ON crm.customers (organization_id, merged_into);
CREATE INDEX customers_search ON crm.customers USING gin (organization_id, search gin_trgm_ops)
WHERE merged_into IS NULL;

SELECT core.protect('crm.customers');
SELECT core.audit(
    'crm.customers',
    ignored_columns => '{search}',
    subject => 'id',
    personal_columns => '{first_name,last_name,company,email,phone,street,postal_code,city,note}'
);
GRANT SELECT, INSERT,
UPDATE (
    workshop_id, kind, first_name, last_name, company, email, phone, street, postal_code, city, country, language, note,
    merged_into, restricted_at, restricted_until, updated_at, revision
) ON crm.customers TO crm_api;
GRANT SELECT, INSERT,
UPDATE (
    workshop_id, kind, first_name, last_name, company, email, phone, street, postal_code, city, country, language, note,
    merged_into, restricted_at, restricted_until, updated_at, revision
) ON crm.customers TO crm_worker;
