-- Generated from the migrations by `make schema`: the data model on one page. Never edited.

CREATE SCHEMA crm;

CREATE TABLE crm.audit_outbox (
    pos bigint NOT NULL,
    event_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    subject text NOT NULL,
    aggregate_id uuid NOT NULL,
    aggregate_version bigint NOT NULL,
    traceparent text,
    body bytea NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    published_at timestamp with time zone,
    publications smallint DEFAULT 0 NOT NULL,
    CONSTRAINT audit_outbox_body_fits CHECK ((octet_length(body) <= 524288))
)
PARTITION BY RANGE (created_at);

ALTER TABLE crm.audit_outbox ALTER COLUMN pos ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME crm.audit_outbox_pos_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE crm.dead_letters (
    id uuid DEFAULT core.uuid7() NOT NULL,
    consumer text NOT NULL,
    event_id uuid NOT NULL,
    subject text NOT NULL,
    headers jsonb NOT NULL,
    body bytea NOT NULL,
    error text NOT NULL,
    trace_id text,
    failed_at timestamp with time zone DEFAULT now() NOT NULL,
    replayed_at timestamp with time zone
);

CREATE TABLE crm.idempotency_keys (
    organization_id uuid NOT NULL,
    principal uuid NOT NULL,
    key_hash bytea NOT NULL,
    fingerprint bytea NOT NULL,
    answer bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone DEFAULT (now() + '24:00:00'::interval) NOT NULL
);

CREATE TABLE crm.inbox (
    consumer text NOT NULL,
    event_id uuid NOT NULL,
    processed_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE crm.jobs (
    name text NOT NULL,
    holder uuid,
    leased_until timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    due_at timestamp with time zone DEFAULT now() NOT NULL,
    last_run_at timestamp with time zone
);

CREATE TABLE crm.lead_interactions (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    lead_id uuid NOT NULL,
    workshop_id uuid NOT NULL,
    kind text NOT NULL,
    author_id uuid,
    text text,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT lead_interactions_kind CHECK ((kind = ANY (ARRAY['call'::text, 'note'::text, 'mail'::text, 'form'::text, 'contact'::text, 'qualification'::text, 'loss'::text, 'reopening'::text, 'assignment'::text])))
);

ALTER TABLE ONLY crm.lead_interactions FORCE ROW LEVEL SECURITY;

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
    status text DEFAULT 'new'::text NOT NULL,
    priority smallint DEFAULT 50 NOT NULL,
    estimated_value bigint,
    assigned_to uuid,
    next_follow_up_at timestamp with time zone,
    lost_reason text,
    client_key uuid,
    consent_text_version text,
    consent_communication boolean,
    consent_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    revision bigint DEFAULT 1 NOT NULL,
    CONSTRAINT leads_language CHECK ((language = ANY (ARRAY['de'::text, 'en'::text, 'tr'::text, 'pl'::text]))),
    CONSTRAINT leads_priority CHECK (((priority >= 0) AND (priority <= 100))),
    CONSTRAINT leads_reachable CHECK (((phone IS NOT NULL) OR (email IS NOT NULL))),
    CONSTRAINT leads_source CHECK ((source = ANY (ARRAY['website'::text, 'widget'::text, 'phone'::text, 'email'::text, 'walk_in'::text, 'referral'::text, 'import'::text]))),
    CONSTRAINT leads_status CHECK ((status = ANY (ARRAY['new'::text, 'contacted'::text, 'qualified'::text, 'converted'::text, 'lost'::text, 'spam'::text])))
);

ALTER TABLE ONLY crm.leads FORCE ROW LEVEL SECURITY;

CREATE TABLE crm.members (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    role text NOT NULL,
    workshop_ids uuid[],
    is_active boolean NOT NULL,
    version bigint NOT NULL
);

ALTER TABLE ONLY crm.members FORCE ROW LEVEL SECURITY;

CREATE TABLE crm.organizations (
    organization_id uuid NOT NULL,
    slug text NOT NULL,
    legal_name text NOT NULL,
    country text NOT NULL,
    locale text NOT NULL,
    time_zone text NOT NULL,
    status text NOT NULL,
    registered_at timestamp with time zone NOT NULL,
    version bigint NOT NULL
);

ALTER TABLE ONLY crm.organizations FORCE ROW LEVEL SECURITY;

CREATE TABLE crm.outbox (
    pos bigint NOT NULL,
    event_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    subject text NOT NULL,
    aggregate_id uuid NOT NULL,
    aggregate_version bigint NOT NULL,
    traceparent text,
    body bytea NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    published_at timestamp with time zone,
    publications smallint DEFAULT 0 NOT NULL,
    CONSTRAINT outbox_body_fits CHECK ((octet_length(body) <= 524288))
)
PARTITION BY RANGE (created_at);

ALTER TABLE crm.outbox ALTER COLUMN pos ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME crm.outbox_pos_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE crm.publishable_keys (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    workshop_id uuid NOT NULL,
    secret_hash text NOT NULL,
    allowed_origins text[] NOT NULL,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    version bigint NOT NULL
);

ALTER TABLE ONLY crm.publishable_keys FORCE ROW LEVEL SECURITY;

CREATE TABLE crm.revocations (
    organization_id uuid NOT NULL,
    kind text NOT NULL,
    subject_id uuid NOT NULL,
    not_before timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT revocations_kind CHECK ((kind = ANY (ARRAY['session'::text, 'member'::text, 'api_key'::text, 'organization'::text])))
);

CREATE TABLE crm.schema_migrations (
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL,
    milliseconds integer NOT NULL
);

CREATE TABLE crm.tenants (
    organization_id uuid NOT NULL,
    seen_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE crm.timers (
    organization_id uuid NOT NULL,
    kind text NOT NULL,
    key uuid NOT NULL,
    due_at timestamp with time zone NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE crm.workshops (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    slug text NOT NULL,
    time_zone text NOT NULL,
    postal_code text NOT NULL,
    federal_state text,
    is_active boolean NOT NULL,
    version bigint NOT NULL
);

ALTER TABLE ONLY crm.workshops FORCE ROW LEVEL SECURITY;

ALTER TABLE ONLY crm.audit_outbox
    ADD CONSTRAINT audit_outbox_pkey PRIMARY KEY (created_at, pos);

ALTER TABLE ONLY crm.dead_letters
    ADD CONSTRAINT dead_letters_once UNIQUE (consumer, event_id);

ALTER TABLE ONLY crm.dead_letters
    ADD CONSTRAINT dead_letters_pkey PRIMARY KEY (id);

ALTER TABLE ONLY crm.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (organization_id, principal, key_hash);

ALTER TABLE ONLY crm.inbox
    ADD CONSTRAINT inbox_pkey PRIMARY KEY (consumer, event_id);

ALTER TABLE ONLY crm.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (name);

ALTER TABLE ONLY crm.lead_interactions
    ADD CONSTRAINT lead_interactions_pkey PRIMARY KEY (organization_id, id);

ALTER TABLE ONLY crm.leads
    ADD CONSTRAINT leads_pkey PRIMARY KEY (organization_id, id);

ALTER TABLE ONLY crm.members
    ADD CONSTRAINT members_pkey PRIMARY KEY (organization_id, id);

ALTER TABLE ONLY crm.members
    ADD CONSTRAINT members_user UNIQUE (organization_id, user_id);

ALTER TABLE ONLY crm.organizations
    ADD CONSTRAINT organizations_pkey PRIMARY KEY (organization_id);

ALTER TABLE ONLY crm.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (created_at, pos);

ALTER TABLE ONLY crm.publishable_keys
    ADD CONSTRAINT publishable_keys_pkey PRIMARY KEY (organization_id, id);

ALTER TABLE ONLY crm.revocations
    ADD CONSTRAINT revocations_pkey PRIMARY KEY (organization_id, kind, subject_id);

ALTER TABLE ONLY crm.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (name);

ALTER TABLE ONLY crm.tenants
    ADD CONSTRAINT tenants_pkey PRIMARY KEY (organization_id);

ALTER TABLE ONLY crm.timers
    ADD CONSTRAINT timers_pkey PRIMARY KEY (organization_id, kind, key);

ALTER TABLE ONLY crm.workshops
    ADD CONSTRAINT workshops_pkey PRIMARY KEY (organization_id, id);

CREATE INDEX audit_outbox_unpublished ON ONLY crm.audit_outbox USING btree (pos) WHERE (published_at IS NULL);

CREATE INDEX idempotency_keys_expiry ON crm.idempotency_keys USING btree (expires_at);

CREATE INDEX inbox_processed_at ON crm.inbox USING btree (processed_at);

CREATE INDEX lead_interactions_of_lead ON crm.lead_interactions USING btree (organization_id, lead_id, created_at DESC, id DESC);

CREATE INDEX lead_interactions_of_workshop ON crm.lead_interactions USING btree (organization_id, workshop_id);

CREATE INDEX leads_assigned ON crm.leads USING btree (organization_id, assigned_to, status);

CREATE INDEX leads_follow_up ON crm.leads USING btree (organization_id, next_follow_up_at) WHERE (status = ANY (ARRAY['new'::text, 'contacted'::text, 'qualified'::text]));

CREATE INDEX leads_inbox ON crm.leads USING btree (organization_id, created_at DESC, id DESC);

CREATE UNIQUE INDEX leads_one_open_of_phone ON crm.leads USING btree (organization_id, workshop_id, phone) WHERE (status = ANY (ARRAY['new'::text, 'contacted'::text, 'qualified'::text]));

CREATE INDEX leads_workshop_inbox ON crm.leads USING btree (organization_id, workshop_id, created_at DESC, id DESC);

CREATE INDEX outbox_unpublished ON ONLY crm.outbox USING btree (pos) WHERE (published_at IS NULL);

CREATE INDEX revocations_recorded_at ON crm.revocations USING btree (recorded_at);

CREATE INDEX timers_due ON crm.timers USING btree (due_at);

CREATE TRIGGER audit_delete AFTER DELETE ON crm.lead_interactions REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION core.record_changes('{}', '{updated_at,revision}', 'lead_id', '{text}');

CREATE TRIGGER audit_delete AFTER DELETE ON crm.leads REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION core.record_changes('{}', '{updated_at,revision}', 'id', '{name,phone,email,request,vehicle,source_url,lost_reason}');

CREATE TRIGGER audit_insert AFTER INSERT ON crm.lead_interactions REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION core.record_changes('{}', '{updated_at,revision}', 'lead_id', '{text}');

CREATE TRIGGER audit_insert AFTER INSERT ON crm.leads REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION core.record_changes('{}', '{updated_at,revision}', 'id', '{name,phone,email,request,vehicle,source_url,lost_reason}');

CREATE TRIGGER audit_update AFTER UPDATE ON crm.lead_interactions REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION core.record_changes('{}', '{updated_at,revision}', 'lead_id', '{text}');

CREATE TRIGGER audit_update AFTER UPDATE ON crm.leads REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION core.record_changes('{}', '{updated_at,revision}', 'id', '{name,phone,email,request,vehicle,source_url,lost_reason}');

ALTER TABLE ONLY crm.lead_interactions
    ADD CONSTRAINT lead_interactions_lead FOREIGN KEY (organization_id, lead_id) REFERENCES crm.leads(organization_id, id);

ALTER TABLE ONLY crm.lead_interactions
    ADD CONSTRAINT lead_interactions_workshop FOREIGN KEY (organization_id, workshop_id) REFERENCES crm.workshops(organization_id, id);

ALTER TABLE ONLY crm.leads
    ADD CONSTRAINT leads_workshop FOREIGN KEY (organization_id, workshop_id) REFERENCES crm.workshops(organization_id, id);

ALTER TABLE crm.lead_interactions ENABLE ROW LEVEL SECURITY;

ALTER TABLE crm.leads ENABLE ROW LEVEL SECURITY;

ALTER TABLE crm.members ENABLE ROW LEVEL SECURITY;

CREATE POLICY organization ON crm.lead_interactions USING ((organization_id = ( SELECT core.current_organization() AS current_organization)));

CREATE POLICY organization ON crm.leads USING ((organization_id = ( SELECT core.current_organization() AS current_organization)));

CREATE POLICY organization ON crm.members USING ((organization_id = ( SELECT core.current_organization() AS current_organization)));

CREATE POLICY organization ON crm.organizations USING ((organization_id = ( SELECT core.current_organization() AS current_organization)));

CREATE POLICY organization ON crm.publishable_keys USING ((organization_id = ( SELECT core.current_organization() AS current_organization)));

CREATE POLICY organization ON crm.workshops USING ((organization_id = ( SELECT core.current_organization() AS current_organization)));

ALTER TABLE crm.organizations ENABLE ROW LEVEL SECURITY;

ALTER TABLE crm.publishable_keys ENABLE ROW LEVEL SECURITY;

CREATE POLICY workshop ON crm.lead_interactions AS RESTRICTIVE USING (((workshop_id IS NULL) OR ( SELECT core.sees_all_workshops() AS sees_all_workshops) OR (workshop_id = ANY (( SELECT core.current_workshops() AS current_workshops)::uuid[]))));

CREATE POLICY workshop ON crm.leads AS RESTRICTIVE USING (((workshop_id IS NULL) OR ( SELECT core.sees_all_workshops() AS sees_all_workshops) OR (workshop_id = ANY (( SELECT core.current_workshops() AS current_workshops)::uuid[]))));

CREATE POLICY workshop ON crm.publishable_keys AS RESTRICTIVE USING (((workshop_id IS NULL) OR ( SELECT core.sees_all_workshops() AS sees_all_workshops) OR (workshop_id = ANY (( SELECT core.current_workshops() AS current_workshops)::uuid[]))));

CREATE POLICY workshop ON crm.workshops AS RESTRICTIVE USING (((id IS NULL) OR ( SELECT core.sees_all_workshops() AS sees_all_workshops) OR (id = ANY (( SELECT core.current_workshops() AS current_workshops)::uuid[]))));

ALTER TABLE crm.workshops ENABLE ROW LEVEL SECURITY;
