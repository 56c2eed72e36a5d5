CREATE TABLE crm.scoring_trainings (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    state text NOT NULL DEFAULT 'running',
    leads integer,
    converted integer,
    quality double precision,
    model_id uuid,
    failure text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    revision bigint NOT NULL DEFAULT 1,
    CONSTRAINT scoring_trainings_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT scoring_trainings_model FOREIGN KEY (organization_id, model_id)
    REFERENCES crm.lead_scoring_models (organization_id, id),
    CONSTRAINT scoring_trainings_state CHECK (state IN ('running', 'done', 'failed')),
    CONSTRAINT scoring_trainings_end CHECK ((state = 'done') = (model_id IS NOT NULL)),
    CONSTRAINT scoring_trainings_failure CHECK ((state = 'failed') = (failure IS NOT NULL)),
    CONSTRAINT scoring_trainings_quality CHECK (quality BETWEEN 0 AND 1)
);

CREATE UNIQUE INDEX scoring_trainings_one_at_a_time ON crm.scoring_trainings (organization_id) WHERE state = 'running';
CREATE INDEX scoring_trainings_of_model ON crm.scoring_trainings (organization_id, model_id);

SELECT core.protect('crm.scoring_trainings', NULL);
SELECT core.audit('crm.scoring_trainings');
GRANT SELECT, INSERT ON crm.scoring_trainings TO crm_api;
GRANT SELECT, UPDATE (state, leads, converted, quality, model_id, failure, updated_at, revision)
ON crm.scoring_trainings TO crm_worker;
GRANT INSERT ON crm.lead_scoring_models TO crm_worker;
