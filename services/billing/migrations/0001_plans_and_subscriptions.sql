SELECT core.create_inner_tables('billing');
SELECT core.create_directory('billing');

-- Global: what is for sale belongs to no organisation. No process may change it; a new price is a new version, by migration.
CREATE TABLE billing.subscription_plans (
    id uuid NOT NULL DEFAULT core.uuid7(),
    code text NOT NULL,
    version integer NOT NULL,
    name text NOT NULL,
    monthly_price bigint NOT NULL,
    yearly_price bigint NOT NULL,
    currency text NOT NULL DEFAULT 'EUR',
    trial_days integer NOT NULL DEFAULT 14,
    limits jsonb NOT NULL,
    entitlements jsonb NOT NULL,
    active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT subscription_plans_pkey PRIMARY KEY (id),
    CONSTRAINT subscription_plans_version UNIQUE (code, version),
    CONSTRAINT subscription_plans_code CHECK (code IN ('starter', 'professional', 'enterprise')),
    CONSTRAINT subscription_plans_currency CHECK (currency = 'EUR'),
    CONSTRAINT subscription_plans_prices CHECK (monthly_price >= 0 AND yearly_price >= 0),
    CONSTRAINT subscription_plans_trial CHECK (trial_days BETWEEN 0 AND 90)
);

SELECT core.audit('billing.subscription_plans');
GRANT SELECT ON billing.subscription_plans TO billing_api, billing_worker;

-- A limit that is null does not exist. Prices in cents.
INSERT INTO billing.subscription_plans (code, version, name, monthly_price, yearly_price, limits, entitlements)
VALUES
(
    'starter', 1, 'Starter', 4900, 49000,
    '{"workshops": 1, "members": 1, "leads_per_month": 100}',
    '["leads", "chat_widget", "online_booking"]'
),
(
    'professional', 1, 'Professional', 9900, 99000,
    '{"workshops": 3, "members": 5, "leads_per_month": 500}',
    '["leads", "chat_widget", "online_booking", "lead_scoring", "api_keys", "webhooks", "payment_by_invoice"]'
),
(
    'enterprise', 1, 'Enterprise', 19900, 199000,
    '{"workshops": null, "members": null, "leads_per_month": null}',
    '["leads", "chat_widget", "online_booking", "lead_scoring", "api_keys", "webhooks", "payment_by_invoice", "single_sign_on", "priority_support"]'
);

CREATE TABLE billing.subscriptions (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    plan_code text NOT NULL,
    plan_version integer NOT NULL,
    status text NOT NULL,
    trial_ends_at timestamptz,
    period_starts_at timestamptz NOT NULL,
    period_ends_at timestamptz NOT NULL,
    cancel_at_period_end boolean NOT NULL DEFAULT false,
    grandfathered boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    revision bigint NOT NULL DEFAULT 1,
    CONSTRAINT subscriptions_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT subscriptions_one_each UNIQUE (organization_id),
    CONSTRAINT subscriptions_plan FOREIGN KEY (plan_code, plan_version)
    REFERENCES billing.subscription_plans (code, version),
    CONSTRAINT subscriptions_status CHECK (status IN ('trialing', 'active', 'past_due', 'paused', 'cancelled')),
    CONSTRAINT subscriptions_trial CHECK (status <> 'trialing' OR trial_ends_at IS NOT NULL),
    CONSTRAINT subscriptions_period CHECK (period_starts_at <= period_ends_at)
);

CREATE INDEX subscriptions_of_plan ON billing.subscriptions (plan_code, plan_version);

SELECT core.protect('billing.subscriptions', NULL);
SELECT core.audit('billing.subscriptions');
GRANT SELECT ON billing.subscriptions TO billing_api;
GRANT SELECT, INSERT, UPDATE (status, updated_at, revision) ON billing.subscriptions TO billing_worker;

CREATE TABLE billing.subscription_changes (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    subscription_id uuid NOT NULL,
    from_plan_code text,
    from_plan_version integer,
    from_status text,
    to_plan_code text NOT NULL,
    to_plan_version integer NOT NULL,
    to_status text NOT NULL,
    effective_at timestamptz NOT NULL,
    actor_kind text NOT NULL,
    actor_id uuid,
    created_at timestamptz NOT NULL,
    CONSTRAINT subscription_changes_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT subscription_changes_subscription FOREIGN KEY (organization_id, subscription_id)
    REFERENCES billing.subscriptions (organization_id, id),
    CONSTRAINT subscription_changes_actor CHECK (actor_kind IN ('user', 'api_key', 'guest', 'system'))
);

CREATE INDEX subscription_changes_of_subscription
ON billing.subscription_changes (organization_id, subscription_id, effective_at, id);

SELECT core.protect('billing.subscription_changes', NULL);
SELECT core.audit('billing.subscription_changes');
GRANT INSERT ON billing.subscription_changes TO billing_worker;
