CREATE TABLE crm.imports (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    workshop_id uuid,
    kind text NOT NULL,
    file_name text NOT NULL,
    columns text[] NOT NULL DEFAULT '{}',
    mapping jsonb NOT NULL DEFAULT '{}',
    state text NOT NULL DEFAULT 'reading',
    failure text,
    -- How many rows the file has, and up to which number they are worked off.
    row_count integer NOT NULL DEFAULT 0,
    reached integer NOT NULL DEFAULT 0,
    inserted integer NOT NULL DEFAULT 0,
    updated integer NOT NULL DEFAULT 0,
    unchanged integer NOT NULL DEFAULT 0,
    failed integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    revision bigint NOT NULL DEFAULT 1,
    CONSTRAINT imports_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT imports_workshop FOREIGN KEY (organization_id, workshop_id) REFERENCES crm.workshops (organization_id, id),
    CONSTRAINT imports_kind CHECK (kind = 'customers'),
    CONSTRAINT imports_state CHECK (
        state IN ('reading', 'uploaded', 'checking', 'checked', 'applying', 'applied', 'failed')
    ),
    CONSTRAINT imports_failure CHECK ((state = 'failed') = (failure IS NOT NULL))
);

CREATE INDEX imports_newest ON crm.imports (organization_id, created_at DESC, id DESC);
CREATE INDEX imports_workshop ON crm.imports (organization_id, workshop_id);
-- Two at a time would each take up the customer that the other is about to.
CREATE UNIQUE INDEX imports_one_at_a_time ON crm.imports (organization_id) WHERE state = 'applying';

SELECT core.protect('crm.imports');
-- A file without a header has a person where the header should be.
SELECT core.audit('crm.imports', secret_columns => '{columns,file_name}');
GRANT SELECT, INSERT, UPDATE (mapping, state, reached, inserted, updated, unchanged, failed, updated_at, revision)
ON crm.imports TO crm_api;
GRANT SELECT,
UPDATE (columns, mapping, state, failure, row_count, reached, inserted, updated, unchanged, failed, updated_at, revision)
ON crm.imports TO crm_worker;

-- The file as it came, until a worker has read it.
CREATE TABLE crm.import_files (
    organization_id uuid NOT NULL,
    import_id uuid NOT NULL,
    workshop_id uuid,
    content bytea NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    revision bigint NOT NULL DEFAULT 1,
    CONSTRAINT import_files_pkey PRIMARY KEY (organization_id, import_id),
    CONSTRAINT import_files_import FOREIGN KEY (organization_id, import_id)
    REFERENCES crm.imports (organization_id, id) ON DELETE CASCADE
);

SELECT core.protect('crm.import_files');
GRANT INSERT ON crm.import_files TO crm_api;
GRANT SELECT, DELETE ON crm.import_files TO crm_worker;

CREATE TABLE crm.import_rows (
    organization_id uuid NOT NULL,
    import_id uuid NOT NULL,
    -- As a spreadsheet counts: the header is 1.
    number integer NOT NULL,
    workshop_id uuid,
    cells text[] NOT NULL,
    outcome text,
    errors jsonb NOT NULL DEFAULT '[]',
    target_id uuid,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    revision bigint NOT NULL DEFAULT 1,
    CONSTRAINT import_rows_pkey PRIMARY KEY (organization_id, import_id, number),
    CONSTRAINT import_rows_import FOREIGN KEY (organization_id, import_id)
    REFERENCES crm.imports (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT import_rows_outcome CHECK (outcome IN ('inserted', 'updated', 'unchanged', 'failed'))
);

-- Whom an earlier row of the same file named already.
CREATE INDEX import_rows_target ON crm.import_rows (organization_id, import_id, target_id) WHERE target_id IS NOT NULL;

SELECT core.protect('crm.import_rows');
GRANT SELECT ON crm.import_rows TO crm_api;
GRANT SELECT, INSERT, DELETE, UPDATE (outcome, errors, target_id, updated_at, revision) ON crm.import_rows TO crm_worker;
