-- Projection of tenancy's locations: what the responder says of opening hours, address and telephone.
CREATE TABLE crm.workshop_locations (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    workshop_id uuid NOT NULL,
    name text NOT NULL,
    address text NOT NULL,
    postal_code text NOT NULL,
    city text NOT NULL,
    phone text,
    opening_hours jsonb NOT NULL,
    is_primary boolean NOT NULL,
    is_active boolean NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT workshop_locations_pkey PRIMARY KEY (organization_id, id)
);

CREATE INDEX workshop_locations_of_workshop ON crm.workshop_locations (organization_id, workshop_id);

SELECT core.protect('crm.workshop_locations');
SELECT core.grant_projection('crm', 'workshop_locations');

CREATE TABLE crm.faqs (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    workshop_id uuid NOT NULL,
    language text NOT NULL,
    question text NOT NULL,
    answer text NOT NULL,
    place smallint NOT NULL,
    is_published boolean NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    revision bigint NOT NULL DEFAULT 1,
    CONSTRAINT faqs_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT faqs_workshop FOREIGN KEY (organization_id, workshop_id) REFERENCES crm.workshops (organization_id, id),
    CONSTRAINT faqs_language CHECK (language IN ('de', 'en', 'tr', 'pl')),
    CONSTRAINT faqs_place CHECK (place BETWEEN 0 AND 1000)
);

-- A workshop's questions in their order (also behind faqs_workshop); the list of all.
CREATE INDEX faqs_of_workshop ON crm.faqs (organization_id, workshop_id, language, place, id);
CREATE INDEX faqs_in_order ON crm.faqs (organization_id, place, id);

SELECT core.protect('crm.faqs');
SELECT core.audit('crm.faqs');
GRANT SELECT, INSERT, DELETE, UPDATE (language, question, answer, place, is_published, updated_at, revision)
ON crm.faqs TO crm_api;
GRANT SELECT ON crm.faqs TO crm_worker;

CREATE TABLE crm.landing_pages (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    workshop_id uuid NOT NULL,
    slug text NOT NULL,
    language text NOT NULL,
    title text NOT NULL,
    introduction text NOT NULL,
    services jsonb NOT NULL,
    is_published boolean NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    revision bigint NOT NULL DEFAULT 1,
    CONSTRAINT landing_pages_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT landing_pages_workshop FOREIGN KEY (organization_id, workshop_id)
    REFERENCES crm.workshops (organization_id, id),
    CONSTRAINT landing_pages_slug UNIQUE (organization_id, workshop_id, slug, language),
    CONSTRAINT landing_pages_language CHECK (language IN ('de', 'en', 'tr', 'pl'))
);

CREATE INDEX landing_pages_newest ON crm.landing_pages (organization_id, created_at DESC, id DESC);

SELECT core.protect('crm.landing_pages');
SELECT core.audit('crm.landing_pages');
GRANT SELECT, INSERT, DELETE, UPDATE (slug, language, title, introduction, services, is_published, updated_at, revision)
ON crm.landing_pages TO crm_api;
GRANT SELECT ON crm.landing_pages TO crm_worker;
