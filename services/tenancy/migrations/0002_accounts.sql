SELECT core.add_standing('tenancy');
GRANT SELECT (version), UPDATE (status, version, changed_at) ON tenancy.tenants TO tenancy_api;
UPDATE tenancy.tenants t
SET status = o.status, version = o.revision
FROM tenancy.organizations o
WHERE o.organization_id = t.organization_id;

-- Users change their own name, language, password and address.
GRANT UPDATE (email, name, locale, password_hash, updated_at, revision) ON tenancy.users TO tenancy_api;
GRANT SELECT (id, name, locale, status) ON tenancy.users TO tenancy_worker;

-- A user's authenticator (TOTP, RFC 6238), in use once it is confirmed. used_step is the time step of the last code that was
-- taken: none is taken twice.
CREATE TABLE tenancy.second_factors (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    secret bytea NOT NULL,
    confirmed_at timestamptz,
    used_step bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    CONSTRAINT second_factors_pkey PRIMARY KEY (id),
    CONSTRAINT second_factors_user_key UNIQUE (user_id),
    CONSTRAINT second_factors_user FOREIGN KEY (user_id) REFERENCES tenancy.users (id) ON DELETE CASCADE
);

SELECT core.audit(
    'tenancy.second_factors',
    secret_columns => '{secret}',
    ignored_columns => '{used_step}',
    subject => 'user_id'
);
GRANT SELECT, INSERT, UPDATE (confirmed_at, used_step), DELETE ON tenancy.second_factors TO tenancy_api;
GRANT SELECT (user_id, confirmed_at) ON tenancy.second_factors TO tenancy_worker;

-- What lets somebody in who lost the authenticator; each works once.
CREATE TABLE tenancy.recovery_codes (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    code_hash text NOT NULL,
    used_at timestamptz,
    created_at timestamptz NOT NULL,
    CONSTRAINT recovery_codes_pkey PRIMARY KEY (id),
    CONSTRAINT recovery_codes_once UNIQUE (user_id, code_hash),
    CONSTRAINT recovery_codes_user FOREIGN KEY (user_id) REFERENCES tenancy.users (id) ON DELETE CASCADE
);

SELECT core.audit('tenancy.recovery_codes', secret_columns => '{code_hash}', subject => 'user_id');
GRANT SELECT, INSERT, UPDATE (used_at), DELETE ON tenancy.recovery_codes TO tenancy_api;

-- What links in mails to users carry; made by the worker when it sends, spent once.
CREATE TABLE tenancy.account_tokens (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    purpose text NOT NULL,
    token_hash text NOT NULL,
    new_email text,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT account_tokens_pkey PRIMARY KEY (id),
    CONSTRAINT account_tokens_user FOREIGN KEY (user_id) REFERENCES tenancy.users (id) ON DELETE CASCADE,
    CONSTRAINT account_tokens_purpose CHECK (purpose IN ('reset_password', 'change_email')),
    CONSTRAINT account_tokens_new_email CHECK ((purpose = 'change_email') = (new_email IS NOT NULL))
);

CREATE INDEX account_tokens_of_user ON tenancy.account_tokens (user_id);
CREATE INDEX account_tokens_expiry ON tenancy.account_tokens (expires_at);
GRANT SELECT, DELETE ON tenancy.account_tokens TO tenancy_api;
GRANT SELECT (id, expires_at), INSERT, DELETE ON tenancy.account_tokens TO tenancy_worker;

-- When the credentials were last shown in a session: what needs them fresh asks for it.
ALTER TABLE tenancy.sessions
    ADD COLUMN authenticated_at timestamptz,
    -- squawk-ignore ban-drop-constraint
    DROP CONSTRAINT sessions_revoked_reason;
-- Every reason that was allowed still is: the rows are valid.
ALTER TABLE tenancy.sessions
    -- squawk-ignore constraint-missing-not-valid
    ADD CONSTRAINT sessions_revoked_reason CHECK (
        revoked_reason IN ('signed_out', 'reused', 'ended', 'password_changed', 'membership_ended')
    );
GRANT UPDATE (authenticated_at) ON tenancy.sessions TO tenancy_api;
