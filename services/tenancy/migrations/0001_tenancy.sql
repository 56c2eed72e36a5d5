SELECT core.create_inner_tables('tenancy');

-- Whoever registered and has not yet proved the e-mail address: until then there is no organisation. Its id is made in
-- advance, so that the mail and the link in it belong to it.
CREATE TABLE tenancy.registrations (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    legal_name text NOT NULL,
    legal_form text NOT NULL,
    country text NOT NULL,
    email text NOT NULL,
    name text NOT NULL,
    locale text NOT NULL,
    password_hash text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT registrations_pkey PRIMARY KEY (id)
);

CREATE INDEX registrations_of_email ON tenancy.registrations (email);
GRANT SELECT, INSERT, DELETE ON tenancy.registrations TO tenancy_api;
GRANT SELECT, DELETE ON tenancy.registrations TO tenancy_worker;

CREATE TABLE tenancy.users (
    id uuid NOT NULL,
    email text NOT NULL,
    name text NOT NULL,
    password_hash text NOT NULL,
    locale text NOT NULL,
    status text NOT NULL DEFAULT 'active',
    last_sign_in_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    revision bigint NOT NULL DEFAULT 1,
    CONSTRAINT users_pkey PRIMARY KEY (id),
    CONSTRAINT users_email UNIQUE (email),
    CONSTRAINT users_email_is_normalised CHECK (email = lower(email) AND email = btrim(email)),
    CONSTRAINT users_locale CHECK (locale IN ('de', 'en')),
    CONSTRAINT users_status CHECK (status IN ('active', 'locked'))
);

SELECT core.audit(
    'tenancy.users',
    secret_columns => '{password_hash}',
    ignored_columns => '{last_sign_in_at}',
    subject => 'id',
    personal_columns => '{email,name}'
);
GRANT SELECT, INSERT, UPDATE (last_sign_in_at) ON tenancy.users TO tenancy_api;
GRANT SELECT (email) ON tenancy.users TO tenancy_worker;

-- What links in mails carry; made by the worker when it sends, never by a request.
CREATE TABLE tenancy.user_tokens (
    id uuid NOT NULL,
    purpose text NOT NULL,
    registration_id uuid NOT NULL,
    token_hash text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT user_tokens_pkey PRIMARY KEY (id),
    CONSTRAINT user_tokens_registration FOREIGN KEY (registration_id)
    REFERENCES tenancy.registrations (id) ON DELETE CASCADE,
    CONSTRAINT user_tokens_purpose CHECK (purpose IN ('verify_email'))
);

CREATE INDEX user_tokens_of_registration ON tenancy.user_tokens (registration_id);
GRANT SELECT ON tenancy.user_tokens TO tenancy_api;
GRANT INSERT ON tenancy.user_tokens TO tenancy_worker;

-- Failed sign-ins of an account, known or not: the key is the SHA-256 of the address.
CREATE TABLE tenancy.sign_in_attempts (
    account_hash bytea NOT NULL,
    failures bigint NOT NULL,
    window_ends_at timestamptz NOT NULL,
    CONSTRAINT sign_in_attempts_pkey PRIMARY KEY (account_hash)
);

CREATE INDEX sign_in_attempts_window ON tenancy.sign_in_attempts (window_ends_at);
GRANT SELECT, INSERT, UPDATE (failures, window_ends_at), DELETE ON tenancy.sign_in_attempts TO tenancy_api;
GRANT SELECT (account_hash, window_ends_at), DELETE ON tenancy.sign_in_attempts TO tenancy_worker;

CREATE TABLE tenancy.signing_keys (
    kid text NOT NULL,
    public_key text NOT NULL,
    private_key bytea NOT NULL,
    not_before timestamptz NOT NULL,
    retired_at timestamptz,
    created_at timestamptz NOT NULL,
    CONSTRAINT signing_keys_pkey PRIMARY KEY (kid)
);

GRANT SELECT ON tenancy.signing_keys TO tenancy_api;
GRANT SELECT (kid, not_before, retired_at), INSERT, UPDATE (retired_at) ON tenancy.signing_keys TO tenancy_worker;

CREATE TABLE tenancy.organizations (
    organization_id uuid NOT NULL,
    slug text NOT NULL,
    legal_name text NOT NULL,
    legal_form text NOT NULL,
    register_court text,
    register_number text,
    vat_id text,
    tax_number text,
    country text NOT NULL,
    locale text NOT NULL,
    time_zone text NOT NULL,
    status text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    revision bigint NOT NULL DEFAULT 1,
    CONSTRAINT organizations_pkey PRIMARY KEY (organization_id),
    CONSTRAINT organizations_slug UNIQUE (slug),
    CONSTRAINT organizations_legal_form CHECK (
        legal_form IN ('einzelunternehmen', 'ek', 'gbr', 'egbr', 'ohg', 'kg', 'gmbh', 'ug', 'gmbh_co_kg', 'ag')
    ),
    CONSTRAINT organizations_country CHECK (country ~ '^[A-Z]{2}$'),
    CONSTRAINT organizations_locale CHECK (locale IN ('de', 'en')),
    CONSTRAINT organizations_status CHECK (
        status IN ('trial', 'active', 'past_due', 'suspended', 'closing', 'erased')
    )
);

SELECT core.protect('tenancy.organizations', NULL);
SELECT core.audit('tenancy.organizations');
GRANT SELECT, INSERT, UPDATE (status, updated_at, revision) ON tenancy.organizations TO tenancy_api;
GRANT SELECT ON tenancy.organizations TO tenancy_worker;

CREATE TABLE tenancy.workshops (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    slug text NOT NULL,
    business_type text NOT NULL,
    address text NOT NULL,
    postal_code text NOT NULL,
    city text NOT NULL,
    federal_state text,
    municipality_key text,
    country text NOT NULL,
    latitude double precision,
    longitude double precision,
    phone text,
    email text,
    website text,
    time_zone text NOT NULL,
    is_active boolean NOT NULL DEFAULT true,
    is_master_workshop boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    revision bigint NOT NULL DEFAULT 1,
    CONSTRAINT workshops_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT workshops_organization FOREIGN KEY (organization_id) REFERENCES tenancy.organizations (organization_id),
    CONSTRAINT workshops_slug UNIQUE (organization_id, slug),
    CONSTRAINT workshops_business_type CHECK (business_type IN ('independent', 'chain', 'dealership', 'specialty')),
    CONSTRAINT workshops_country CHECK (country ~ '^[A-Z]{3}$'),
    CONSTRAINT workshops_postal_code CHECK (country <> 'DEU' OR postal_code ~ '^[0-9]{5}$'),
    CONSTRAINT workshops_phone CHECK (phone ~ '^\+[1-9][0-9]{1,14}$'),
    CONSTRAINT workshops_federal_state CHECK (federal_state ~ '^DE-[A-Z]{2}$'),
    CONSTRAINT workshops_latitude CHECK (latitude BETWEEN -90 AND 90),
    CONSTRAINT workshops_longitude CHECK (longitude BETWEEN -180 AND 180),
    CONSTRAINT workshops_whole_place CHECK ((latitude IS NULL) = (longitude IS NULL))
);

-- Workshops near a place: a box of latitude and longitude, whose comparisons row security lets the index use.
CREATE INDEX workshops_place ON tenancy.workshops (organization_id, latitude, longitude);
-- The operator's queries over all organisations.
CREATE INDEX idx_workshops_location_german_cities ON tenancy.workshops
USING gist (public.ll_to_earth(latitude, longitude))
WHERE country = 'DEU' AND is_active;

SELECT core.protect('tenancy.workshops', 'id');
SELECT core.audit('tenancy.workshops');
GRANT SELECT, INSERT,
UPDATE (
    name, slug, business_type, address, postal_code, city, latitude, longitude, phone, is_active, updated_at, revision
) ON tenancy.workshops TO tenancy_api;
GRANT SELECT ON tenancy.workshops TO tenancy_worker;

-- Members: a user in an organisation, with a role, in all of its workshops or in the named ones.
CREATE TABLE tenancy.workshop_users (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    role text NOT NULL,
    workshop_ids uuid [],
    is_active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    revision bigint NOT NULL DEFAULT 1,
    CONSTRAINT workshop_users_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT workshop_users_organization FOREIGN KEY (organization_id)
    REFERENCES tenancy.organizations (organization_id),
    CONSTRAINT workshop_users_user FOREIGN KEY (user_id) REFERENCES tenancy.users (id),
    CONSTRAINT workshop_users_once UNIQUE (organization_id, user_id),
    CONSTRAINT workshop_users_role CHECK (
        role IN (
            'owner', 'admin', 'manager', 'service_advisor', 'technician', 'accountant', 'data_protection_officer', 'viewer'
        )
    ),
    CONSTRAINT workshop_users_some_workshop CHECK (cardinality(workshop_ids) > 0),
    CONSTRAINT workshop_users_owner_sees_all CHECK (role <> 'owner' OR workshop_ids IS NULL)
);

-- A user's own memberships, also behind workshop_users_user.
CREATE INDEX workshop_users_of_user ON tenancy.workshop_users (user_id);

SELECT core.protect('tenancy.workshop_users', NULL);
-- Signing in, a user has no organisation yet and sees the own memberships.
CREATE POLICY own_memberships ON tenancy.workshop_users FOR SELECT USING (
    user_id = (SELECT core.current_user_id()) AND (SELECT core.current_organization()) IS NULL
);
SELECT core.audit('tenancy.workshop_users', subject => 'user_id');
GRANT SELECT, INSERT, UPDATE (role, workshop_ids, is_active, updated_at, revision) ON tenancy.workshop_users TO tenancy_api;
GRANT SELECT ON tenancy.workshop_users TO tenancy_worker;

CREATE TABLE tenancy.invitations (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    email text NOT NULL,
    role text NOT NULL,
    workshop_ids uuid [],
    invited_by uuid NOT NULL,
    token_hash text,
    expires_at timestamptz NOT NULL,
    accepted_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    revision bigint NOT NULL DEFAULT 1,
    CONSTRAINT invitations_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT invitations_organization FOREIGN KEY (organization_id)
    REFERENCES tenancy.organizations (organization_id),
    CONSTRAINT invitations_role CHECK (
        role IN (
            'owner', 'admin', 'manager', 'service_advisor', 'technician', 'accountant', 'data_protection_officer', 'viewer'
        )
    ),
    CONSTRAINT invitations_some_workshop CHECK (cardinality(workshop_ids) > 0),
    CONSTRAINT invitations_owner_sees_all CHECK (role <> 'owner' OR workshop_ids IS NULL),
    CONSTRAINT invitations_end CHECK (expires_at <= created_at + interval '72 hours')
);

SELECT core.protect('tenancy.invitations', NULL);
SELECT core.audit(
    'tenancy.invitations',
    secret_columns => '{token_hash}',
    ignored_columns => '{token_hash}',
    subject => 'id',
    personal_columns => '{email}'
);
GRANT SELECT, INSERT, UPDATE (accepted_at, updated_at, revision) ON tenancy.invitations TO tenancy_api;
GRANT SELECT, UPDATE (token_hash) ON tenancy.invitations TO tenancy_worker;

-- A session is a family of refresh tokens, of which one lives. family_key marks all that were ever made for it, so that an
-- old one is told from a forged one; it opens nothing.
CREATE TABLE tenancy.sessions (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    user_id uuid NOT NULL,
    family_key bytea NOT NULL,
    token_hash text NOT NULL,
    previous_hash text,
    successor bytea,
    rotated_at timestamptz,
    user_agent text NOT NULL,
    address text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    revoked_at timestamptz,
    revoked_reason text,
    CONSTRAINT sessions_pkey PRIMARY KEY (id),
    CONSTRAINT sessions_organization FOREIGN KEY (organization_id) REFERENCES tenancy.organizations (organization_id),
    CONSTRAINT sessions_user FOREIGN KEY (user_id) REFERENCES tenancy.users (id),
    CONSTRAINT sessions_revoked_reason CHECK (revoked_reason IN ('signed_out', 'reused'))
);

CREATE INDEX sessions_of_organization ON tenancy.sessions (organization_id, user_id);
CREATE INDEX sessions_of_user ON tenancy.sessions (user_id);
CREATE INDEX sessions_expiry ON tenancy.sessions (expires_at);
GRANT SELECT, INSERT,
UPDATE (token_hash, previous_hash, successor, rotated_at, expires_at, revoked_at, revoked_reason)
ON tenancy.sessions TO tenancy_api;
GRANT SELECT (id, expires_at), DELETE ON tenancy.sessions TO tenancy_worker;

-- Outgoing mails: what to write, to whom; the text is made when it is sent. No audit: the row that caused it has one.
CREATE TABLE tenancy.mails (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    template text NOT NULL,
    recipient text NOT NULL,
    locale text NOT NULL,
    parameters jsonb NOT NULL,
    state text NOT NULL DEFAULT 'queued',
    attempts bigint NOT NULL DEFAULT 0,
    sent_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT mails_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT mails_template CHECK (template IN ('registration', 'invitation')),
    CONSTRAINT mails_locale CHECK (locale IN ('de', 'en')),
    CONSTRAINT mails_state CHECK (state IN ('queued', 'sent', 'failed'))
);

SELECT core.protect('tenancy.mails', NULL);
GRANT INSERT ON tenancy.mails TO tenancy_api;
GRANT SELECT, UPDATE (state, attempts, sent_at, updated_at), DELETE ON tenancy.mails TO tenancy_worker;

CREATE TABLE tenancy.api_keys (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    workshop_id uuid,
    kind text NOT NULL,
    name text NOT NULL,
    secret_hash text NOT NULL,
    scopes text [] NOT NULL,
    allowed_origins text [] NOT NULL,
    created_by uuid NOT NULL,
    rotated_from uuid,
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    revision bigint NOT NULL DEFAULT 1,
    CONSTRAINT api_keys_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT api_keys_organization FOREIGN KEY (organization_id) REFERENCES tenancy.organizations (organization_id),
    CONSTRAINT api_keys_workshop FOREIGN KEY (organization_id, workshop_id)
    REFERENCES tenancy.workshops (organization_id, id),
    CONSTRAINT api_keys_rotated_from FOREIGN KEY (organization_id, rotated_from)
    REFERENCES tenancy.api_keys (organization_id, id),
    CONSTRAINT api_keys_kind CHECK (kind IN ('secret', 'publishable')),
    CONSTRAINT api_keys_of_a_page CHECK (
        kind <> 'publishable' OR workshop_id IS NOT NULL AND cardinality(allowed_origins) > 0 AND cardinality(scopes) = 0
    )
);

CREATE INDEX api_keys_of_workshop ON tenancy.api_keys (organization_id, workshop_id);
CREATE INDEX api_keys_rotation ON tenancy.api_keys (organization_id, rotated_from);

SELECT core.protect('tenancy.api_keys');
SELECT core.audit('tenancy.api_keys', secret_columns => '{secret_hash}', ignored_columns => '{last_used_at}');
GRANT SELECT, INSERT, UPDATE (revoked_at, updated_at, revision) ON tenancy.api_keys TO tenancy_api;
GRANT SELECT ON tenancy.api_keys TO tenancy_worker;
