ALTER TABLE crm.leads
ADD COLUMN lead_score smallint NOT NULL DEFAULT 0,
ADD COLUMN classification text NOT NULL DEFAULT 'very_cold',
ADD COLUMN urgency_class text NOT NULL DEFAULT 'low',
ADD COLUMN first_response_at timestamptz,
ADD COLUMN converted_at timestamptz,
ADD COLUMN customer_id uuid,
ADD COLUMN vehicle_id uuid;

ALTER TABLE crm.leads
ADD CONSTRAINT leads_score CHECK (lead_score BETWEEN 0 AND 100) NOT VALID,
ADD CONSTRAINT leads_classification CHECK (classification IN ('hot', 'warm', 'cold', 'very_cold')) NOT VALID,
ADD CONSTRAINT leads_urgency_class CHECK (urgency_class IN ('high', 'medium', 'low')) NOT VALID,
ADD CONSTRAINT leads_customer FOREIGN KEY (organization_id, customer_id)
REFERENCES crm.customers (organization_id, id) ON DELETE SET NULL (customer_id) NOT VALID,
ADD CONSTRAINT leads_vehicle FOREIGN KEY (organization_id, vehicle_id)
REFERENCES crm.customer_vehicles (organization_id, id) ON DELETE SET NULL (vehicle_id) NOT VALID;

GRANT UPDATE (lead_score, classification, urgency_class, first_response_at, converted_at, customer_id, vehicle_id)
ON crm.leads TO crm_api;
GRANT DELETE ON crm.leads TO crm_api;
GRANT DELETE ON crm.lead_interactions TO crm_api;
GRANT UPDATE (
    lead_score, classification, urgency_class, estimated_value, first_response_at, converted_at, customer_id, vehicle_id,
    updated_at, revision
) ON crm.leads TO crm_worker;
GRANT SELECT ON crm.lead_interactions TO crm_worker;

-- Models of an organisation's own; version 1 is the product's and has no row.
CREATE TABLE crm.lead_scoring_models (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    parameters jsonb NOT NULL,
    status text NOT NULL DEFAULT 'draft',
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    revision bigint NOT NULL DEFAULT 1,
    CONSTRAINT lead_scoring_models_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT lead_scoring_models_version UNIQUE (organization_id, version),
    CONSTRAINT lead_scoring_models_kind CHECK (kind IN ('rules', 'logistic')),
    CONSTRAINT lead_scoring_models_status CHECK (status IN ('draft', 'active', 'retired')),
    CONSTRAINT lead_scoring_models_after_ours CHECK (version > 1)
);

CREATE UNIQUE INDEX lead_scoring_models_one_active ON crm.lead_scoring_models (organization_id) WHERE status = 'active';

SELECT core.protect('crm.lead_scoring_models', NULL);
SELECT core.audit('crm.lead_scoring_models');
GRANT SELECT, INSERT, UPDATE (status, updated_at, revision) ON crm.lead_scoring_models TO crm_api;
GRANT SELECT ON crm.lead_scoring_models TO crm_worker;

CREATE TABLE crm.lead_scoring_history (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    lead_id uuid NOT NULL,
    workshop_id uuid NOT NULL,
    score smallint NOT NULL,
    classification text NOT NULL,
    model_version integer NOT NULL,
    features jsonb NOT NULL,
    contributions jsonb NOT NULL,
    trigger text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT lead_scoring_history_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT lead_scoring_history_lead FOREIGN KEY (organization_id, lead_id)
    REFERENCES crm.leads (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT lead_scoring_history_workshop FOREIGN KEY (organization_id, workshop_id)
    REFERENCES crm.workshops (organization_id, id),
    CONSTRAINT lead_scoring_history_trigger CHECK (trigger IN ('taken', 'message', 'edit', 'rescoring'))
);

CREATE INDEX lead_scoring_history_of_lead ON crm.lead_scoring_history (organization_id, lead_id, created_at DESC, id DESC);
CREATE INDEX lead_scoring_history_workshop ON crm.lead_scoring_history (organization_id, workshop_id);

-- Its rows are only ever added: they are their own trail.
SELECT core.protect('crm.lead_scoring_history');
GRANT SELECT, INSERT ON crm.lead_scoring_history TO crm_api, crm_worker;

CREATE TABLE crm.rescoring_runs (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    state text NOT NULL DEFAULT 'running',
    total integer NOT NULL,
    done integer NOT NULL DEFAULT 0,
    changed integer NOT NULL DEFAULT 0,
    after uuid,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    revision bigint NOT NULL DEFAULT 1,
    CONSTRAINT rescoring_runs_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT rescoring_runs_state CHECK (state IN ('running', 'done'))
);

CREATE UNIQUE INDEX rescoring_runs_one_at_a_time ON crm.rescoring_runs (organization_id) WHERE state = 'running';

SELECT core.protect('crm.rescoring_runs', NULL);
SELECT core.audit('crm.rescoring_runs', ignored_columns => '{done,changed,after}');
GRANT SELECT, INSERT ON crm.rescoring_runs TO crm_api;
GRANT SELECT, UPDATE (state, done, changed, after, updated_at, revision) ON crm.rescoring_runs TO crm_worker;

-- It comes back wider.
-- squawk-ignore ban-drop-constraint
ALTER TABLE crm.lead_interactions DROP CONSTRAINT lead_interactions_kind;
ALTER TABLE crm.lead_interactions ADD CONSTRAINT lead_interactions_kind CHECK (
    kind IN (
        'call', 'note', 'mail', 'form', 'contact', 'qualification', 'loss', 'reopening', 'assignment', 'spam', 'conversion'
    )
) NOT VALID;
