-- What is written to customers, by purpose and channel.
CREATE TABLE crm.message_templates (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    purpose text NOT NULL,
    channel text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT message_templates_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT message_templates_purpose CHECK (
        purpose IN (
            'appointment', 'vehicle_ready', 'answer', 'hu_reminder', 'service_reminder', 'tyre_reminder', 'review_request',
            'newsletter'
        )
    ),
    CONSTRAINT message_templates_channel CHECK (channel IN ('email', 'sms', 'whatsapp'))
);

CREATE INDEX message_templates_newest ON crm.message_templates (organization_id, created_at DESC, id DESC);
-- The wording for a purpose.
CREATE INDEX message_templates_purpose ON crm.message_templates (organization_id, purpose, channel);

SELECT core.protect('crm.message_templates', NULL);
SELECT core.audit('crm.message_templates');
GRANT SELECT, INSERT ON crm.message_templates TO crm_api;
GRANT SELECT ON crm.message_templates TO crm_worker;

-- A wording never changes once it is written: a message names the one that it was made of.
CREATE TABLE crm.template_versions (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    template_id uuid NOT NULL,
    language text NOT NULL,
    state text NOT NULL DEFAULT 'draft',
    subject text NOT NULL,
    body text NOT NULL,
    author_id uuid,
    published_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    revision bigint NOT NULL DEFAULT 1,
    CONSTRAINT template_versions_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT template_versions_template FOREIGN KEY (organization_id, template_id)
    REFERENCES crm.message_templates (organization_id, id),
    CONSTRAINT template_versions_language CHECK (language IN ('de', 'en', 'tr', 'pl')),
    CONSTRAINT template_versions_state CHECK (state IN ('draft', 'published', 'retired')),
    CONSTRAINT template_versions_published CHECK (state = 'draft' OR published_at IS NOT NULL)
);

CREATE INDEX template_versions_newest ON crm.template_versions (organization_id, template_id, created_at DESC, id DESC);
CREATE UNIQUE INDEX template_versions_one_published ON crm.template_versions (organization_id, template_id, language)
WHERE state = 'published';

SELECT core.protect('crm.template_versions', NULL);
SELECT core.audit('crm.template_versions');
GRANT SELECT, INSERT, UPDATE (state, published_at, updated_at, revision) ON crm.template_versions TO crm_api;
GRANT SELECT ON crm.template_versions TO crm_worker;

-- Every touchpoint with a customer: what we sent, refused to send or will send, and what staff noted of calls and letters.
CREATE TABLE crm.customer_communications (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    workshop_id uuid,
    customer_id uuid,
    vehicle_id uuid,
    template_version_id uuid,
    channel text NOT NULL,
    direction text NOT NULL,
    purpose text,
    recipient text,
    language text,
    subject text,
    body text NOT NULL,
    status text NOT NULL,
    due_at timestamptz NOT NULL,
    -- The day that it reminds of: of one there is one reminder.
    about_day date,
    -- The send gate's verdict, when it was last asked, with its ground and the norm.
    verdict text,
    ground text,
    norm text,
    unmet text [] NOT NULL DEFAULT '{}',
    decided_at timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    provider_id text,
    failure text,
    sent_at timestamptz,
    author_id uuid,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    revision bigint NOT NULL DEFAULT 1,
    CONSTRAINT customer_communications_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT customer_communications_workshop FOREIGN KEY (organization_id, workshop_id)
    REFERENCES crm.workshops (organization_id, id),
    CONSTRAINT customer_communications_customer FOREIGN KEY (organization_id, customer_id)
    REFERENCES crm.customers (organization_id, id) ON DELETE SET NULL (customer_id),
    CONSTRAINT customer_communications_vehicle FOREIGN KEY (organization_id, vehicle_id)
    REFERENCES crm.customer_vehicles (organization_id, id) ON DELETE SET NULL (vehicle_id),
    CONSTRAINT customer_communications_version FOREIGN KEY (organization_id, template_version_id)
    REFERENCES crm.template_versions (organization_id, id),
    CONSTRAINT customer_communications_channel CHECK (
        channel IN ('email', 'sms', 'whatsapp', 'phone', 'letter', 'in_person')
    ),
    CONSTRAINT customer_communications_direction CHECK (direction IN ('inbound', 'outbound')),
    CONSTRAINT customer_communications_status CHECK (
        status IN ('scheduled', 'sending', 'sent', 'refused', 'bounced', 'failed', 'cancelled', 'recorded')
    ),
    CONSTRAINT customer_communications_purpose CHECK (
        CASE
            WHEN status = 'recorded' THEN purpose IS NULL
            ELSE direction = 'outbound' AND subject IS NOT NULL AND purpose IN (
                'appointment', 'vehicle_ready', 'answer', 'hu_reminder', 'service_reminder', 'tyre_reminder',
                'review_request', 'newsletter'
            )
        END
    ),
    CONSTRAINT customer_communications_verdict CHECK (verdict IN ('allow', 'refuse')),
    -- Nothing leaves, and nothing is refused, without a ground.
    CONSTRAINT customer_communications_decided CHECK (
        CASE
            WHEN status IN ('sending', 'sent', 'bounced') THEN verdict = 'allow' AND ground IS NOT NULL AND recipient IS NOT NULL
            WHEN status = 'refused' THEN verdict = 'refuse' AND ground IS NOT NULL
            ELSE true
        END
    )
);

-- The outbox of the whole organisation, in one status, of a workshop, and the timeline of a customer.
CREATE INDEX customer_communications_newest ON crm.customer_communications (organization_id, created_at DESC, id DESC);
CREATE INDEX customer_communications_status ON crm.customer_communications
(organization_id, status, created_at DESC, id DESC);
CREATE INDEX customer_communications_workshop ON crm.customer_communications
(organization_id, workshop_id, created_at DESC, id DESC);
CREATE INDEX customer_communications_customer ON crm.customer_communications
(organization_id, customer_id, created_at DESC, id DESC);
CREATE INDEX customer_communications_version ON crm.customer_communications (organization_id, template_version_id);
-- One reminder of a day; it also stands behind the foreign key to the vehicle.
CREATE UNIQUE INDEX customer_communications_once ON crm.customer_communications
(organization_id, vehicle_id, purpose, about_day);

SELECT core.protect('crm.customer_communications');
SELECT core.audit(
    'crm.customer_communications',
    subject => 'customer_id',
    personal_columns => '{recipient,subject,body}'
);
GRANT SELECT, INSERT, UPDATE (status, updated_at, revision) ON crm.customer_communications TO crm_api;
GRANT SELECT, INSERT,
UPDATE (
    recipient, status, verdict, ground, norm, unmet, decided_at, attempts, provider_id, failure, sent_at, updated_at, revision
) ON crm.customer_communications TO crm_worker;

-- What customers said of advertising, word for word as it is proved (Art. 7(1) GDPR): insert-only.
CREATE TABLE crm.consent_records (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    workshop_id uuid,
    customer_id uuid,
    version bigint NOT NULL,
    channel text NOT NULL,
    purpose text NOT NULL,
    state text NOT NULL,
    source text NOT NULL,
    text_version text,
    -- A keyed hash: of another address than the one that it was given for, a consent says nothing.
    address_hash bytea,
    author_id uuid,
    occurred_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT consent_records_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT consent_records_customer FOREIGN KEY (organization_id, customer_id)
    REFERENCES crm.customers (organization_id, id) ON DELETE SET NULL (customer_id),
    CONSTRAINT consent_records_channel CHECK (channel IN ('email', 'sms', 'whatsapp')),
    CONSTRAINT consent_records_purpose CHECK (
        purpose IN ('all', 'hu_reminder', 'service_reminder', 'tyre_reminder', 'review_request', 'newsletter')
    ),
    CONSTRAINT consent_records_state CHECK (state IN ('granted', 'confirmed', 'withdrawn', 'objected')),
    CONSTRAINT consent_records_of_all CHECK ((state = 'objected') = (purpose = 'all')),
    CONSTRAINT consent_records_source CHECK (source IN ('written', 'online', 'oral', 'link')),
    CONSTRAINT consent_records_text CHECK (state NOT IN ('granted', 'confirmed') OR text_version IS NOT NULL)
);

-- A customer's records in their order; no two have the same version.
CREATE UNIQUE INDEX consent_records_order ON crm.consent_records (organization_id, customer_id, version DESC);

SELECT core.protect('crm.consent_records');
SELECT core.audit('crm.consent_records', secret_columns => '{address_hash}', subject => 'customer_id');
GRANT SELECT, INSERT ON crm.consent_records TO crm_api;

-- The projection of consent events that the send gate reads: what counts now.
CREATE TABLE crm.consents (
    organization_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    workshop_id uuid,
    channel text NOT NULL,
    purpose text NOT NULL,
    state text NOT NULL,
    source text NOT NULL,
    address_hash bytea,
    occurred_at timestamptz NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT consents_pkey PRIMARY KEY (organization_id, customer_id, channel, purpose),
    CONSTRAINT consents_customer FOREIGN KEY (organization_id, customer_id)
    REFERENCES crm.customers (organization_id, id) ON DELETE CASCADE
);

SELECT core.protect('crm.consents');
GRANT SELECT, INSERT, UPDATE (state, source, address_hash, occurred_at, version) ON crm.consents TO crm_api, crm_worker;

-- Addresses that are written to no more: with advertising after an objection, with nothing after a bounce.
CREATE TABLE crm.suppressions (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    channel text NOT NULL,
    address_hash bytea NOT NULL,
    reason text NOT NULL,
    -- Since when: an objection that is repeated counts from the last time.
    effective_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT suppressions_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT suppressions_once UNIQUE (organization_id, channel, address_hash, reason),
    CONSTRAINT suppressions_channel CHECK (channel IN ('email', 'sms', 'whatsapp')),
    CONSTRAINT suppressions_reason CHECK (reason IN ('objection', 'bounce'))
);

SELECT core.protect('crm.suppressions', NULL);
SELECT core.audit('crm.suppressions', secret_columns => '{address_hash}');
GRANT SELECT, INSERT, UPDATE (effective_at) ON crm.suppressions TO crm_api, crm_worker;

-- Addresses that were obtained with a sale (section 7(3) no. 1 UWG), and which notice was given then (no. 4): insert-only.
CREATE TABLE crm.sale_addresses (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    workshop_id uuid,
    customer_id uuid NOT NULL,
    channel text NOT NULL,
    address_hash bytea NOT NULL,
    goods text NOT NULL,
    sold_on date NOT NULL,
    notice_version text,
    author_id uuid,
    created_at timestamptz NOT NULL,
    CONSTRAINT sale_addresses_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT sale_addresses_customer FOREIGN KEY (organization_id, customer_id)
    REFERENCES crm.customers (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT sale_addresses_channel CHECK (channel IN ('email', 'sms', 'whatsapp')),
    CONSTRAINT sale_addresses_goods CHECK (
        goods IN ('maintenance', 'inspection', 'repair', 'tyres', 'parts', 'vehicle')
    )
);

CREATE INDEX sale_addresses_customer ON crm.sale_addresses (organization_id, customer_id, created_at DESC, id DESC);

SELECT core.protect('crm.sale_addresses');
SELECT core.audit('crm.sale_addresses', secret_columns => '{address_hash}', subject => 'customer_id');
GRANT SELECT, INSERT ON crm.sale_addresses TO crm_api;
GRANT SELECT ON crm.sale_addresses TO crm_worker;
