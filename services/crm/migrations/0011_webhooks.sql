-- Where an organisation's own systems hear of what happens; of one workshop, or of all of them.
CREATE TABLE crm.webhooks (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    workshop_id uuid,
    url text NOT NULL,
    events text [] NOT NULL,
    is_active boolean NOT NULL DEFAULT true,
    -- Encrypted, bound to the row; while rotating, the one before counts as well.
    secret bytea NOT NULL,
    previous_secret bytea,
    previous_secret_until timestamptz,
    disabled_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    revision bigint NOT NULL DEFAULT 1,
    CONSTRAINT webhooks_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT webhooks_workshop FOREIGN KEY (organization_id, workshop_id) REFERENCES crm.workshops (organization_id, id),
    CONSTRAINT webhooks_events CHECK (
        events <@ ARRAY[
            'lead.created', 'lead.updated', 'lead.converted', 'lead.deleted', 'customer.created', 'vehicle.due',
            'follow_up.due'
        ] AND cardinality(events) > 0
    ),
    CONSTRAINT webhooks_previous CHECK ((previous_secret IS NULL) = (previous_secret_until IS NULL)),
    CONSTRAINT webhooks_disabled CHECK (disabled_at IS NULL OR NOT is_active)
);

CREATE INDEX webhooks_newest ON crm.webhooks (organization_id, created_at DESC, id DESC);
CREATE INDEX webhooks_workshop ON crm.webhooks (organization_id, workshop_id);

SELECT core.protect('crm.webhooks');
SELECT core.audit('crm.webhooks', secret_columns => '{secret,previous_secret}');
GRANT SELECT, INSERT, DELETE,
UPDATE (url, events, is_active, secret, previous_secret, previous_secret_until, disabled_at, updated_at, revision)
ON crm.webhooks TO crm_api;
GRANT SELECT, UPDATE (is_active, disabled_at, updated_at, revision) ON crm.webhooks TO crm_worker;

-- What was told to whom, and what was answered: a log that is its own trail.
CREATE TABLE crm.webhook_deliveries (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    workshop_id uuid,
    webhook_id uuid NOT NULL,
    -- The event that it tells of; of a test delivery there is none.
    event_id uuid,
    type text NOT NULL,
    payload bytea NOT NULL,
    status text NOT NULL DEFAULT 'pending',
    attempts integer NOT NULL DEFAULT 0,
    -- When the attempts began: after a day they end.
    begun_at timestamptz NOT NULL,
    response_status integer,
    response text,
    failure text,
    delivered_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    revision bigint NOT NULL DEFAULT 1,
    CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT webhook_deliveries_once UNIQUE (organization_id, webhook_id, event_id),
    CONSTRAINT webhook_deliveries_webhook FOREIGN KEY (organization_id, webhook_id)
    REFERENCES crm.webhooks (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT webhook_deliveries_status CHECK (status IN ('pending', 'delivered', 'failed'))
);

CREATE INDEX webhook_deliveries_newest ON crm.webhook_deliveries (organization_id, webhook_id, created_at DESC, id DESC);
-- What is old enough to be forgotten.
CREATE INDEX webhook_deliveries_age ON crm.webhook_deliveries (organization_id, created_at);

SELECT core.protect('crm.webhook_deliveries');
GRANT SELECT, INSERT, UPDATE (status, attempts, begun_at, failure, updated_at, revision) ON crm.webhook_deliveries TO crm_api;
GRANT SELECT, INSERT, DELETE,
UPDATE (status, attempts, begun_at, response_status, response, failure, delivered_at, updated_at, revision)
ON crm.webhook_deliveries TO crm_worker;
