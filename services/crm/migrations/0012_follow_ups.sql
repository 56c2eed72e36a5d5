-- What is to be done for a lead, and when.
CREATE TABLE crm.follow_up_tasks (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    lead_id uuid NOT NULL,
    workshop_id uuid NOT NULL,
    title text NOT NULL,
    kind text NOT NULL,
    note text,
    due_at timestamptz NOT NULL,
    assigned_to uuid,
    status text NOT NULL DEFAULT 'open',
    done_at timestamptz,
    -- The timer that will announce it, another for each due date; none once it has, or when there is nothing to announce.
    reminder_id uuid,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    revision bigint NOT NULL DEFAULT 1,
    CONSTRAINT follow_up_tasks_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT follow_up_tasks_lead FOREIGN KEY (organization_id, lead_id)
    REFERENCES crm.leads (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT follow_up_tasks_workshop FOREIGN KEY (organization_id, workshop_id)
    REFERENCES crm.workshops (organization_id, id),
    CONSTRAINT follow_up_tasks_kind CHECK (kind IN ('call', 'mail', 'visit', 'other')),
    CONSTRAINT follow_up_tasks_status CHECK (status IN ('open', 'done', 'cancelled')),
    CONSTRAINT follow_up_tasks_done CHECK ((status = 'done') = (done_at IS NOT NULL)),
    CONSTRAINT follow_up_tasks_reminder CHECK (reminder_id IS NULL OR status = 'open')
);

CREATE INDEX follow_up_tasks_of_lead ON crm.follow_up_tasks (organization_id, lead_id, due_at, id);
-- What is to be done: in the organisation, at a workshop (also behind follow_up_tasks_workshop), by me.
CREATE INDEX follow_up_tasks_due ON crm.follow_up_tasks (organization_id, status, due_at, id);
CREATE INDEX follow_up_tasks_workshop_due ON crm.follow_up_tasks (organization_id, workshop_id, status, due_at, id);
CREATE INDEX follow_up_tasks_assigned ON crm.follow_up_tasks (organization_id, assigned_to, status, due_at, id);
CREATE UNIQUE INDEX follow_up_tasks_one_of_reminder ON crm.follow_up_tasks (organization_id, reminder_id)
WHERE reminder_id IS NOT NULL;

SELECT core.protect('crm.follow_up_tasks');
SELECT core.audit(
    'crm.follow_up_tasks',
    ignored_columns => '{reminder_id}',
    subject => 'lead_id',
    personal_columns => '{title,note}'
);
GRANT SELECT, INSERT,
UPDATE (title, kind, note, due_at, assigned_to, status, done_at, reminder_id, updated_at, revision)
ON crm.follow_up_tasks TO crm_api;
-- The responder takes leads in the worker; the timer ends there.
GRANT SELECT, INSERT, UPDATE (reminder_id) ON crm.follow_up_tasks TO crm_worker;

-- Whom a new lead is given to: by a workshop's rule, else by the organisation's.
CREATE TABLE crm.assignment_rules (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    workshop_id uuid,
    strategy text NOT NULL,
    member_ids uuid [] NOT NULL,
    is_active boolean NOT NULL DEFAULT true,
    -- The place in member_ids of whom the last lead was given to; negative if nobody there could have the one after it.
    turn integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    revision bigint NOT NULL DEFAULT 1,
    CONSTRAINT assignment_rules_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT assignment_rules_one_per_workshop UNIQUE NULLS NOT DISTINCT (organization_id, workshop_id),
    CONSTRAINT assignment_rules_workshop FOREIGN KEY (organization_id, workshop_id)
    REFERENCES crm.workshops (organization_id, id),
    CONSTRAINT assignment_rules_strategy CHECK (strategy IN ('round_robin', 'fixed')),
    CONSTRAINT assignment_rules_fixed CHECK (strategy <> 'fixed' OR cardinality(member_ids) = 1)
);

SELECT core.protect('crm.assignment_rules');
SELECT core.audit('crm.assignment_rules', ignored_columns => '{turn}');
GRANT SELECT, INSERT, DELETE,
UPDATE (strategy, member_ids, is_active, turn, updated_at, revision) ON crm.assignment_rules TO crm_api;
GRANT SELECT, UPDATE (turn) ON crm.assignment_rules TO crm_worker;
