-- How plates are compared: without blanks, hyphens and the suffix for historic and electric vehicles.
CREATE FUNCTION crm.plate_key(written text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$ SELECT regexp_replace(translate(upper(normalize(written, NFC)), ' -.', ''), '([0-9])[HE]$', '\1') $$;

CREATE TABLE crm.customer_vehicles (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    workshop_id uuid,
    vin text,
    plate text,
    plate_key text GENERATED ALWAYS AS (crm.plate_key(plate)) STORED,
    season_from smallint,
    season_to smallint,
    hsn text,
    tsn text,
    make text,
    model text,
    first_registration date,
    fuel text,
    vehicle_class text NOT NULL,
    mileage integer,
    mileage_read_on date,
    tuv_expiry date,
    last_hu_on date,
    is_active boolean NOT NULL DEFAULT true,
    note text,
    search text GENERATED ALWAYS AS (
        crm.fold(
            COALESCE(crm.plate_key(plate), '') || ' ' || COALESCE(vin, '') || ' ' || COALESCE(make, '') || ' ' || COALESCE(model, '')
        )
    ) STORED,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    revision bigint NOT NULL DEFAULT 1,
    CONSTRAINT customer_vehicles_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT customer_vehicles_workshop FOREIGN KEY (organization_id, workshop_id)
    REFERENCES crm.workshops (organization_id, id),
    CONSTRAINT customer_vehicles_season CHECK (
        (season_from IS NULL) = (season_to IS NULL)
        AND season_from BETWEEN 1 AND 12 AND season_to BETWEEN 1 AND 12 AND season_from <> season_to
    ),
    CONSTRAINT customer_vehicles_mileage CHECK (mileage BETWEEN 0 AND 2000000),
    -- A month is stored as its last day (StVZO Anlage VIII).
    CONSTRAINT customer_vehicles_tuv_expiry CHECK (EXTRACT(day FROM tuv_expiry + 1) = 1),
    CONSTRAINT customer_vehicles_class CHECK (
        vehicle_class IN (
            'car', 'taxi', 'rental', 'ambulance', 'motorcycle', 'truck_light', 'truck_medium', 'truck_heavy', 'bus',
            'trailer_light', 'trailer_medium', 'trailer_heavy', 'motorhome_light', 'motorhome_medium', 'motorhome_heavy',
            'tractor', 'other'
        )
    ),
    CONSTRAINT customer_vehicles_fuel CHECK (
        fuel IN ('petrol', 'diesel', 'electric', 'hybrid', 'plug_in_hybrid', 'lpg', 'cng', 'hydrogen', 'other')
    )
);

CREATE INDEX customer_vehicles_newest ON crm.customer_vehicles (organization_id, created_at DESC, id DESC);
CREATE INDEX customer_vehicles_workshop_newest ON crm.customer_vehicles (organization_id, workshop_id, created_at DESC, id DESC);
CREATE INDEX customer_vehicles_vin ON crm.customer_vehicles (organization_id, vin);
CREATE INDEX customer_vehicles_plate ON crm.customer_vehicles (organization_id, plate_key);
CREATE INDEX customer_vehicles_search ON crm.customer_vehicles USING gin (organization_id, search gin_trgm_ops);
CREATE INDEX idx_vehicles_tuv_due ON crm.customer_vehicles (organization_id, tuv_expiry, id)
WHERE tuv_expiry IS NOT NULL AND is_active;

SELECT core.protect('crm.customer_vehicles');
SELECT core.audit(
    'crm.customer_vehicles',
    ignored_columns => '{search,plate_key}',
    subject => 'id',
    personal_columns => '{vin,plate,note}'
);
GRANT SELECT, INSERT,
UPDATE (
    workshop_id, vin, plate, season_from, season_to, hsn, tsn, make, model, first_registration, fuel,
    vehicle_class, mileage, mileage_read_on, tuv_expiry, last_hu_on, is_active, note, updated_at, revision
) ON crm.customer_vehicles TO crm_api, crm_worker;

-- Who owned a vehicle when: never two at a time; ends_on is the first day on which it was no longer theirs.
CREATE TABLE crm.vehicle_ownerships (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    vehicle_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    workshop_id uuid,
    starts_on date NOT NULL,
    ends_on date,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    revision bigint NOT NULL DEFAULT 1,
    CONSTRAINT vehicle_ownerships_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT vehicle_ownerships_vehicle FOREIGN KEY (organization_id, vehicle_id)
    REFERENCES crm.customer_vehicles (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT vehicle_ownerships_customer FOREIGN KEY (organization_id, customer_id)
    REFERENCES crm.customers (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT vehicle_ownerships_workshop FOREIGN KEY (organization_id, workshop_id)
    REFERENCES crm.workshops (organization_id, id),
    CONSTRAINT vehicle_ownerships_span CHECK (starts_on < ends_on),
    CONSTRAINT vehicle_ownerships_one_at_a_time EXCLUDE USING gist (
        organization_id WITH =, vehicle_id WITH =, daterange(starts_on, ends_on) WITH &&
    )
);

CREATE UNIQUE INDEX vehicle_ownerships_present ON crm.vehicle_ownerships (organization_id, vehicle_id) WHERE ends_on IS NULL;
CREATE INDEX vehicle_ownerships_vehicle ON crm.vehicle_ownerships (organization_id, vehicle_id, starts_on DESC);
CREATE INDEX vehicle_ownerships_customer ON crm.vehicle_ownerships (organization_id, customer_id, vehicle_id);
CREATE INDEX vehicle_ownerships_workshop ON crm.vehicle_ownerships (organization_id, workshop_id);

SELECT core.protect('crm.vehicle_ownerships');
SELECT core.audit('crm.vehicle_ownerships', subject => 'customer_id');
GRANT SELECT, INSERT, UPDATE (customer_id, ends_on, updated_at, revision)
ON crm.vehicle_ownerships TO crm_api, crm_worker;
