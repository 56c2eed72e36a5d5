CREATE TABLE crm.mileage_readings (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    vehicle_id uuid NOT NULL,
    workshop_id uuid,
    read_on date NOT NULL,
    kilometres integer NOT NULL,
    reason text,
    author_id uuid,
    created_at timestamptz NOT NULL,
    CONSTRAINT mileage_readings_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT mileage_readings_vehicle FOREIGN KEY (organization_id, vehicle_id)
    REFERENCES crm.customer_vehicles (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT mileage_readings_workshop FOREIGN KEY (organization_id, workshop_id)
    REFERENCES crm.workshops (organization_id, id),
    CONSTRAINT mileage_readings_plausible CHECK (kilometres BETWEEN 0 AND 2000000)
);

CREATE INDEX mileage_readings_of_vehicle ON crm.mileage_readings (organization_id, vehicle_id, read_on DESC, id DESC);
CREATE INDEX mileage_readings_workshop ON crm.mileage_readings (organization_id, workshop_id);

SELECT core.protect('crm.mileage_readings');
SELECT core.audit('crm.mileage_readings', subject => 'vehicle_id', personal_columns => '{reason}');
GRANT SELECT, INSERT ON crm.mileage_readings TO crm_api, crm_worker;

-- What a workshop wants to be reminded of beside the law: a period, a distance, or certain months of the year.
CREATE TABLE crm.due_rules (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    vehicle_class text,
    first_months smallint,
    next_months smallint,
    kilometres integer,
    calendar_months smallint [],
    is_active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    revision bigint NOT NULL DEFAULT 1,
    CONSTRAINT due_rules_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT due_rules_kind CHECK (kind IN ('service', 'tyre_change', 'own')),
    CONSTRAINT due_rules_months CHECK (first_months BETWEEN 1 AND 240 AND next_months BETWEEN 1 AND 240),
    CONSTRAINT due_rules_kilometres CHECK (kilometres BETWEEN 100 AND 500000),
    CONSTRAINT due_rules_calendar CHECK (calendar_months <@ '{1,2,3,4,5,6,7,8,9,10,11,12}' AND calendar_months <> '{}'),
    CONSTRAINT due_rules_has_measure CHECK (
        next_months IS NOT NULL OR kilometres IS NOT NULL OR calendar_months IS NOT NULL
    )
);

CREATE INDEX due_rules_newest ON crm.due_rules (organization_id, created_at DESC, id DESC);

SELECT core.protect('crm.due_rules', NULL);
SELECT core.audit('crm.due_rules');
GRANT SELECT, INSERT,
UPDATE (
    name, vehicle_class, first_months, next_months, kilometres, calendar_months, is_active, updated_at, revision
) ON crm.due_rules TO crm_api;
GRANT SELECT ON crm.due_rules TO crm_worker;

-- What was done on a vehicle: what moves its due items on. It names nobody, so that it may stay when the vehicle is sold.
CREATE TABLE crm.vehicle_works (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    vehicle_id uuid NOT NULL,
    workshop_id uuid,
    kind text NOT NULL,
    rule_id uuid,
    done_on date NOT NULL,
    passed boolean NOT NULL,
    kilometres integer,
    note text,
    author_id uuid,
    created_at timestamptz NOT NULL,
    CONSTRAINT vehicle_works_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT vehicle_works_vehicle FOREIGN KEY (organization_id, vehicle_id)
    REFERENCES crm.customer_vehicles (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT vehicle_works_workshop FOREIGN KEY (organization_id, workshop_id)
    REFERENCES crm.workshops (organization_id, id),
    CONSTRAINT vehicle_works_rule FOREIGN KEY (organization_id, rule_id) REFERENCES crm.due_rules (organization_id, id),
    CONSTRAINT vehicle_works_kind CHECK (kind IN ('hu', 'au', 'service', 'tyre_change', 'own', 'repair')),
    CONSTRAINT vehicle_works_kilometres CHECK (kilometres BETWEEN 0 AND 2000000)
);

CREATE INDEX vehicle_works_of_vehicle ON crm.vehicle_works (organization_id, vehicle_id, done_on DESC, id DESC);
CREATE INDEX vehicle_works_workshop ON crm.vehicle_works (organization_id, workshop_id);
CREATE INDEX vehicle_works_rule ON crm.vehicle_works (organization_id, rule_id);

SELECT core.protect('crm.vehicle_works');
SELECT core.audit('crm.vehicle_works', subject => 'vehicle_id', personal_columns => '{note}');
GRANT SELECT, INSERT ON crm.vehicle_works TO crm_api, crm_worker;

-- What is due next, one open item per vehicle, kind and rule; done ones stay as they were when the work was done.
CREATE TABLE crm.vehicle_due_items (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    vehicle_id uuid NOT NULL,
    workshop_id uuid,
    kind text NOT NULL,
    rule_id uuid,
    name text,
    due_on date,
    due_at_kilometres integer,
    source text NOT NULL,
    done_at timestamptz,
    announced_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    revision bigint NOT NULL DEFAULT 1,
    CONSTRAINT vehicle_due_items_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT vehicle_due_items_vehicle FOREIGN KEY (organization_id, vehicle_id)
    REFERENCES crm.customer_vehicles (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT vehicle_due_items_workshop FOREIGN KEY (organization_id, workshop_id)
    REFERENCES crm.workshops (organization_id, id),
    CONSTRAINT vehicle_due_items_rule FOREIGN KEY (organization_id, rule_id) REFERENCES crm.due_rules (organization_id, id),
    CONSTRAINT vehicle_due_items_kind CHECK (kind IN ('hu', 'au', 'service', 'tyre_change', 'own')),
    CONSTRAINT vehicle_due_items_source CHECK (source IN ('first_registration', 'work')),
    CONSTRAINT vehicle_due_items_measure CHECK (due_on IS NOT NULL OR due_at_kilometres IS NOT NULL)
);

CREATE UNIQUE INDEX vehicle_due_items_one_open ON crm.vehicle_due_items (organization_id, vehicle_id, kind, rule_id)
NULLS NOT DISTINCT WHERE done_at IS NULL;
CREATE INDEX vehicle_due_items_of_vehicle ON crm.vehicle_due_items (organization_id, vehicle_id);
CREATE INDEX vehicle_due_items_workshop ON crm.vehicle_due_items (organization_id, workshop_id);
CREATE INDEX vehicle_due_items_rule ON crm.vehicle_due_items (organization_id, rule_id);
CREATE INDEX vehicle_due_items_due ON crm.vehicle_due_items (organization_id, kind, due_on, id)
WHERE done_at IS NULL AND due_on IS NOT NULL;
CREATE INDEX vehicle_due_items_unannounced ON crm.vehicle_due_items (organization_id, due_on)
WHERE done_at IS NULL AND announced_at IS NULL AND due_on IS NOT NULL;

SELECT core.protect('crm.vehicle_due_items');
SELECT core.audit('crm.vehicle_due_items', ignored_columns => '{announced_at}');
GRANT SELECT, INSERT, DELETE, UPDATE (due_on, due_at_kilometres, source, name, done_at, updated_at, revision)
ON crm.vehicle_due_items TO crm_api;
GRANT SELECT, INSERT, DELETE,
UPDATE (due_on, due_at_kilometres, source, name, done_at, announced_at, updated_at, revision)
ON crm.vehicle_due_items TO crm_worker;
