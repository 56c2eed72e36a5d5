SELECT core.create_inner_tables('crm');
SELECT core.create_directory('crm');
SELECT core.create_publishable_keys('crm');

CREATE TABLE crm.leads (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    workshop_id uuid NOT NULL,
    source text NOT NULL,
    name text NOT NULL,
    phone text,
    email text,
    request text NOT NULL,
    vehicle text,
    language text NOT NULL,
    source_url text,
    status text NOT NULL DEFAULT 'new',
    priority smallint NOT NULL DEFAULT 50,
    estimated_value bigint,
    assigned_to uuid,
    next_follow_up_at timestamptz,
    lost_reason text,
    client_key uuid,
    consent_text_version text,
    consent_communication boolean,
    consent_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    revision bigint NOT NULL DEFAULT 1,
    CONSTRAINT leads_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT leads_workshop FOREIGN KEY (organization_id, workshop_id) REFERENCES crm.workshops (organization_id, id),
    CONSTRAINT leads_source CHECK (source IN ('website', 'widget', 'phone', 'email', 'walk_in', 'referral', 'import')),
    CONSTRAINT leads_status CHECK (status IN ('new', 'contacted', 'qualified', 'converted', 'lost', 'spam')),
    CONSTRAINT leads_language CHECK (language IN ('de', 'en', 'tr', 'pl')),
    CONSTRAINT leads_priority CHECK (priority BETWEEN 0 AND 100),
    CONSTRAINT leads_reachable CHECK (phone IS NOT NULL OR email IS NOT NULL)
);

-- The inbox of the whole organisation, and of a workshop (also behind leads_workshop).
CREATE INDEX leads_inbox ON crm.leads (organization_id, created_at DESC, id DESC);
CREATE INDEX leads_workshop_inbox ON crm.leads (organization_id, workshop_id, created_at DESC, id DESC);
-- My leads; follow-ups.
CREATE INDEX leads_assigned ON crm.leads (organization_id, assigned_to, status);
CREATE INDEX leads_follow_up ON crm.leads (organization_id, next_follow_up_at)
WHERE status IN ('new', 'contacted', 'qualified');
-- A number has one open lead at a workshop: whoever writes again is added to it.
CREATE UNIQUE INDEX leads_one_open_of_phone ON crm.leads (organization_id, workshop_id, phone)
WHERE status IN ('new', 'contacted', 'qualified');

SELECT core.protect('crm.leads');
SELECT core.audit(
    'crm.leads',
    subject => 'id',
    personal_columns => '{name,phone,email,request,vehicle,source_url,lost_reason}'
);
GRANT SELECT, INSERT,
UPDATE (
    name, phone, email, request, vehicle, status, priority, estimated_value, assigned_to, next_follow_up_at, lost_reason,
    updated_at, revision
) ON crm.leads TO crm_api;
GRANT SELECT ON crm.leads TO crm_worker;

CREATE TABLE crm.lead_interactions (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    lead_id uuid NOT NULL,
    workshop_id uuid NOT NULL,
    kind text NOT NULL,
    author_id uuid,
    text text,
    created_at timestamptz NOT NULL,
    CONSTRAINT lead_interactions_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT lead_interactions_lead FOREIGN KEY (organization_id, lead_id) REFERENCES crm.leads (organization_id, id),
    CONSTRAINT lead_interactions_workshop FOREIGN KEY (organization_id, workshop_id)
    REFERENCES crm.workshops (organization_id, id),
    CONSTRAINT lead_interactions_kind CHECK (
        kind IN ('call', 'note', 'mail', 'form', 'contact', 'qualification', 'loss', 'reopening', 'assignment')
    )
);

CREATE INDEX lead_interactions_of_lead ON crm.lead_interactions (organization_id, lead_id, created_at DESC, id DESC);
CREATE INDEX lead_interactions_of_workshop ON crm.lead_interactions (organization_id, workshop_id);

SELECT core.protect('crm.lead_interactions');
SELECT core.audit('crm.lead_interactions', subject => 'lead_id', personal_columns => '{text}');
GRANT SELECT, INSERT ON crm.lead_interactions TO crm_api;
