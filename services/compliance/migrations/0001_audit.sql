SELECT core.create_inner_tables('compliance');
SELECT core.create_directory('compliance');

-- What happened to every business row of every service. Nobody may change or remove an entry, and the worker that writes
-- them cannot read them; the unit of proof is content, leaf_hash = SHA-256(0x00 || content) (RFC 9162, section 2.1.1).
-- It is its own trail: no audit triggers.
CREATE TABLE compliance.audit_logs (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    actor_kind text NOT NULL,
    actor_id uuid,
    acting_for uuid,
    action text NOT NULL,
    schema_name text NOT NULL,
    table_name text NOT NULL,
    row_id uuid,
    changed_columns text [] NOT NULL,
    request_id uuid,
    trace_id text,
    content bytea NOT NULL,
    leaf_hash bytea NOT NULL,
    CONSTRAINT audit_logs_pkey PRIMARY KEY (organization_id, id, occurred_at),
    CONSTRAINT audit_logs_actor_kind CHECK (actor_kind IN ('user', 'api_key', 'guest', 'system')),
    CONSTRAINT audit_logs_action CHECK (action IN ('insert', 'update', 'delete')),
    CONSTRAINT audit_logs_leaf_hash CHECK (octet_length(leaf_hash) = 32)
) PARTITION BY RANGE (occurred_at);

-- Everything of an organisation; of a table; of a row; of an actor: each newest first.
CREATE INDEX audit_logs_newest ON compliance.audit_logs (organization_id, occurred_at DESC, id DESC);
CREATE INDEX audit_logs_of_table
ON compliance.audit_logs (organization_id, schema_name, table_name, occurred_at DESC, id DESC);
CREATE INDEX audit_logs_of_row ON compliance.audit_logs (organization_id, row_id, occurred_at DESC, id DESC);
CREATE INDEX audit_logs_of_actor ON compliance.audit_logs (organization_id, actor_id, occurred_at DESC, id DESC);

SELECT core.partition('compliance.audit_logs', 'occurred_at', '1 month', 3);
SELECT core.protect('compliance.audit_logs', NULL);
SELECT core.protect_partitions('compliance');
GRANT SELECT ON compliance.audit_logs TO compliance_api;
GRANT INSERT ON compliance.audit_logs TO compliance_worker;

-- Keys of data subjects: what is encrypted under one is erased, wherever it is stored, when the key is destroyed.
CREATE TABLE compliance.subject_keys (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    subject_id uuid NOT NULL,
    class text NOT NULL,
    wrapped_key bytea,
    destroyed_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    revision bigint NOT NULL DEFAULT 1,
    CONSTRAINT subject_keys_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT subject_keys_of_subject UNIQUE (organization_id, subject_id, class),
    CONSTRAINT subject_keys_class CHECK (class IN ('audit')),
    CONSTRAINT subject_keys_destroyed CHECK ((wrapped_key IS NULL) = (destroyed_at IS NOT NULL))
);

SELECT core.protect('compliance.subject_keys', NULL);
SELECT core.audit('compliance.subject_keys', secret_columns => '{wrapped_key}');
GRANT SELECT ON compliance.subject_keys TO compliance_api;
GRANT SELECT, INSERT ON compliance.subject_keys TO compliance_worker;
