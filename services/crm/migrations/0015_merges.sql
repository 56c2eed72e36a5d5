-- Who was joined with whom; the snapshot says what was moved and filled in, so that it can be taken back.
CREATE TABLE crm.customer_merges (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    survivor_id uuid NOT NULL,
    merged_id uuid NOT NULL,
    snapshot jsonb NOT NULL,
    merged_by uuid,
    undone_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    revision bigint NOT NULL DEFAULT 1,
    CONSTRAINT customer_merges_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT customer_merges_survivor FOREIGN KEY (organization_id, survivor_id)
    REFERENCES crm.customers (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT customer_merges_merged FOREIGN KEY (organization_id, merged_id)
    REFERENCES crm.customers (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT customer_merges_of_two CHECK (survivor_id <> merged_id)
);

CREATE INDEX customer_merges_of_survivor ON crm.customer_merges (organization_id, survivor_id, created_at DESC, id DESC);
CREATE UNIQUE INDEX customer_merges_in_force ON crm.customer_merges (organization_id, merged_id) WHERE undone_at IS NULL;
CREATE INDEX customer_merges_merged ON crm.customer_merges (organization_id, merged_id);

SELECT core.protect('crm.customer_merges', NULL);
SELECT core.audit('crm.customer_merges', subject => 'survivor_id', personal_columns => '{snapshot}');
GRANT SELECT, INSERT, UPDATE (undone_at, updated_at, revision) ON crm.customer_merges TO crm_api;

-- Pairs that a nightly job found alike; first_id is the smaller of the two.
CREATE TABLE crm.customer_duplicates (
    organization_id uuid NOT NULL,
    first_id uuid NOT NULL,
    second_id uuid NOT NULL,
    score smallint NOT NULL,
    reasons text [] NOT NULL,
    dismissed_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    revision bigint NOT NULL DEFAULT 1,
    CONSTRAINT customer_duplicates_pkey PRIMARY KEY (organization_id, first_id, second_id),
    CONSTRAINT customer_duplicates_first FOREIGN KEY (organization_id, first_id)
    REFERENCES crm.customers (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT customer_duplicates_second FOREIGN KEY (organization_id, second_id)
    REFERENCES crm.customers (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT customer_duplicates_order CHECK (first_id < second_id),
    CONSTRAINT customer_duplicates_score CHECK (score BETWEEN 0 AND 100)
);

CREATE INDEX customer_duplicates_best ON crm.customer_duplicates (organization_id, score DESC, first_id, second_id)
WHERE dismissed_at IS NULL;
CREATE INDEX customer_duplicates_second ON crm.customer_duplicates (organization_id, second_id);

SELECT core.protect('crm.customer_duplicates', NULL);
SELECT core.audit('crm.customer_duplicates');
GRANT SELECT, UPDATE (dismissed_at, updated_at, revision) ON crm.customer_duplicates TO crm_api;
GRANT SELECT, INSERT, UPDATE (score, reasons, updated_at, revision), DELETE ON crm.customer_duplicates TO crm_worker;
