-- An organisation's status follows from facts: what billing says of its subscription, whether the operator suspends it, whether
-- its owner closes it, whether it was erased.
ALTER TABLE tenancy.organizations
    ADD COLUMN subscription_status text,
    ADD COLUMN subscription_version bigint NOT NULL DEFAULT 0,
    ADD COLUMN suspended_at timestamptz,
    ADD COLUMN suspension_reason text,
    ADD COLUMN closing_since timestamptz,
    ADD COLUMN erased_at timestamptz;

-- What was closing before goes on as if it had begun at its last change, and is erased thirty days after that.
UPDATE tenancy.organizations
SET closing_since = updated_at
WHERE status = 'closing';
INSERT INTO tenancy.timers (organization_id, kind, key, due_at)
SELECT organization_id, 'erasure', organization_id, closing_since + interval '30 days'
FROM tenancy.organizations
WHERE closing_since IS NOT NULL;

-- No column that is looked at here was ever written but above: the rows are valid.
ALTER TABLE tenancy.organizations
    -- squawk-ignore constraint-missing-not-valid
    ADD CONSTRAINT organizations_subscription_status CHECK (
        subscription_status IN ('trialing', 'active', 'past_due', 'paused', 'cancelled')
    ),
    -- squawk-ignore constraint-missing-not-valid
    ADD CONSTRAINT organizations_suspension CHECK ((suspended_at IS NULL) = (suspension_reason IS NULL)),
    -- squawk-ignore constraint-missing-not-valid
    ADD CONSTRAINT organizations_closing CHECK ((status IN ('closing', 'erased')) = (closing_since IS NOT NULL)),
    -- squawk-ignore constraint-missing-not-valid
    ADD CONSTRAINT organizations_erasure CHECK ((status = 'erased') = (erased_at IS NOT NULL)),
    -- squawk-ignore constraint-missing-not-valid
    ADD CONSTRAINT organizations_whole_register CHECK ((register_court IS NULL) = (register_number IS NULL)),
    -- squawk-ignore constraint-missing-not-valid
    ADD CONSTRAINT organizations_register_number CHECK (register_number ~ '^(HRA|HRB|GsR) [0-9]{1,6}( [A-Z]{1,3})?$'),
    -- squawk-ignore constraint-missing-not-valid
    ADD CONSTRAINT organizations_vat_id CHECK (vat_id ~ '^DE[0-9]{9}$'),
    -- squawk-ignore constraint-missing-not-valid
    ADD CONSTRAINT organizations_tax_number CHECK (tax_number ~ '^[0-9]{10,13}$');

GRANT UPDATE (
    legal_name, legal_form, register_court, register_number, vat_id, tax_number, locale, time_zone, closing_since
) ON tenancy.organizations TO tenancy_api;
GRANT UPDATE (
    status, subscription_status, subscription_version, suspended_at, suspension_reason, erased_at, updated_at, revision
) ON tenancy.organizations TO tenancy_worker;

-- What erasing an organisation ends, deletes and makes nameless.
GRANT UPDATE (is_active, updated_at, revision) ON tenancy.workshop_users TO tenancy_worker;
GRANT UPDATE (revoked_at, updated_at, revision) ON tenancy.api_keys TO tenancy_worker;
GRANT DELETE ON tenancy.invitations TO tenancy_worker;
GRANT SELECT (organization_id) ON tenancy.sessions TO tenancy_worker;
GRANT SELECT (revision), UPDATE (email, name, password_hash, status, updated_at, revision) ON tenancy.users TO tenancy_worker;
GRANT DELETE ON tenancy.second_factors TO tenancy_worker;
GRANT SELECT (user_id), DELETE ON tenancy.recovery_codes TO tenancy_worker;
GRANT SELECT (user_id) ON tenancy.account_tokens TO tenancy_worker;
