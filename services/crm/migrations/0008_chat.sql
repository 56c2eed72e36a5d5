SELECT core.create_stream_tickets('crm');

CREATE TABLE crm.chat_sessions (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    workshop_id uuid NOT NULL,
    channel text NOT NULL DEFAULT 'widget',
    language text NOT NULL,
    status text NOT NULL DEFAULT 'open',
    assigned_to uuid,
    lead_id uuid,
    customer_id uuid,
    client_key uuid NOT NULL,
    token_hash text NOT NULL,
    page_url text,
    consent_text_version text NOT NULL,
    consent_communication boolean NOT NULL,
    consent_analytics boolean NOT NULL,
    consent_at timestamptz NOT NULL,
    notice_version text NOT NULL,
    lead_draft jsonb,
    answered_to timestamptz NOT NULL,
    last_message_at timestamptz NOT NULL,
    retention_class text NOT NULL DEFAULT 'chat90',
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    revision bigint NOT NULL DEFAULT 1,
    CONSTRAINT chat_sessions_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT chat_sessions_workshop FOREIGN KEY (organization_id, workshop_id)
    REFERENCES crm.workshops (organization_id, id),
    CONSTRAINT chat_sessions_lead FOREIGN KEY (organization_id, lead_id)
    REFERENCES crm.leads (organization_id, id) ON DELETE SET NULL (lead_id),
    CONSTRAINT chat_sessions_customer FOREIGN KEY (organization_id, customer_id)
    REFERENCES crm.customers (organization_id, id) ON DELETE SET NULL (customer_id),
    CONSTRAINT chat_sessions_channel CHECK (channel IN ('widget')),
    CONSTRAINT chat_sessions_language CHECK (language IN ('de', 'en', 'tr', 'pl')),
    CONSTRAINT chat_sessions_status CHECK (status IN ('open', 'handed_over', 'closed')),
    CONSTRAINT chat_sessions_retention_class CHECK (retention_class IN ('chat90', 'letter6'))
);

-- The inbox of a workshop (also behind chat_sessions_workshop), and of the whole organisation, which retention reads from its end.
CREATE INDEX chat_sessions_workshop_inbox
ON crm.chat_sessions (organization_id, workshop_id, last_message_at DESC, id DESC);
CREATE INDEX chat_sessions_inbox ON crm.chat_sessions (organization_id, last_message_at DESC, id DESC);
-- My conversations.
CREATE INDEX chat_sessions_assigned ON crm.chat_sessions (organization_id, assigned_to, last_message_at DESC, id DESC)
WHERE assigned_to IS NOT NULL;
-- The timeline of a customer; the conversations behind a lead.
CREATE INDEX chat_sessions_of_customer ON crm.chat_sessions (organization_id, customer_id, created_at DESC, id DESC);
CREATE INDEX chat_sessions_of_lead ON crm.chat_sessions (organization_id, lead_id);

SELECT core.protect('crm.chat_sessions');
SELECT core.audit(
    'crm.chat_sessions',
    secret_columns => '{token_hash}',
    ignored_columns => '{lead_draft,answered_to,last_message_at}',
    subject => 'id',
    personal_columns => '{page_url}'
);
GRANT SELECT, INSERT, UPDATE (status, assigned_to, lead_draft, answered_to, last_message_at, updated_at, revision)
ON crm.chat_sessions TO crm_api;
GRANT SELECT, DELETE, UPDATE (
    status, assigned_to, lead_id, lead_draft, answered_to, last_message_at, retention_class, updated_at, revision
) ON crm.chat_sessions TO crm_worker;

-- Its primary key is the thread's index. Messages go with their session: nobody else may delete one.
CREATE TABLE crm.chat_messages (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    session_id uuid NOT NULL,
    workshop_id uuid NOT NULL,
    author text NOT NULL,
    author_id uuid,
    text text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT chat_messages_pkey PRIMARY KEY (organization_id, session_id, created_at, id),
    CONSTRAINT chat_messages_session FOREIGN KEY (organization_id, session_id)
    REFERENCES crm.chat_sessions (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT chat_messages_author CHECK (author IN ('visitor', 'bot', 'staff')),
    CONSTRAINT chat_messages_author_id CHECK (author = 'staff' OR author_id IS NULL)
) PARTITION BY RANGE (created_at);

SELECT core.partition('crm.chat_messages', 'created_at', '1 month', 3);
SELECT core.protect('crm.chat_messages');
SELECT core.protect_partitions('crm');
GRANT SELECT, INSERT ON crm.chat_messages TO crm_api;
GRANT SELECT, INSERT ON crm.chat_messages TO crm_worker;

CREATE TABLE crm.canned_answers (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    workshop_id uuid NOT NULL,
    language text NOT NULL,
    title text NOT NULL,
    text text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    revision bigint NOT NULL DEFAULT 1,
    CONSTRAINT canned_answers_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT canned_answers_workshop FOREIGN KEY (organization_id, workshop_id)
    REFERENCES crm.workshops (organization_id, id),
    CONSTRAINT canned_answers_language CHECK (language IN ('de', 'en', 'tr', 'pl'))
);

CREATE INDEX canned_answers_of_workshop ON crm.canned_answers (organization_id, workshop_id, id);

SELECT core.protect('crm.canned_answers');
SELECT core.audit('crm.canned_answers');
GRANT SELECT, INSERT, DELETE, UPDATE (language, title, text, updated_at, revision) ON crm.canned_answers TO crm_api;

-- The worker takes leads for the responder.
GRANT INSERT, UPDATE (
    name, phone, email, request, vehicle, status, priority, estimated_value, assigned_to, next_follow_up_at, lost_reason,
    updated_at, revision
) ON crm.leads TO crm_worker;
GRANT SELECT, INSERT ON crm.lead_interactions TO crm_worker;
