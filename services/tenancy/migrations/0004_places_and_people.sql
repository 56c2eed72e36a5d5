-- Workshops: one of an organisation is its master workshop, and stays open.

UPDATE tenancy.workshops w
SET is_master_workshop = true
WHERE is_active AND NOT EXISTS (
    SELECT FROM tenancy.workshops older
    WHERE older.organization_id = w.organization_id AND older.is_active AND older.id < w.id
);

-- An organisation has a handful of workshops, and of invitations below: writers wait for milliseconds.
-- squawk-ignore require-concurrent-index-creation
CREATE UNIQUE INDEX workshops_master ON tenancy.workshops (organization_id) WHERE is_master_workshop;
-- Nobody could write either column until now: the rows are valid.
ALTER TABLE tenancy.workshops
-- squawk-ignore constraint-missing-not-valid
ADD CONSTRAINT workshops_master_is_active CHECK (is_active OR NOT is_master_workshop),
-- squawk-ignore constraint-missing-not-valid
ADD CONSTRAINT workshops_municipality_key CHECK (municipality_key ~ '^[0-9]{8}$');
GRANT UPDATE (
    federal_state, municipality_key, email, website, time_zone, is_master_workshop
) ON tenancy.workshops TO tenancy_api;

-- A workshop's sites. opening_hours is a list of {weekday, opens, closes}: read whole, written whole, never searched.
CREATE TABLE tenancy.workshop_locations (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    workshop_id uuid NOT NULL,
    name text NOT NULL,
    address text NOT NULL,
    postal_code text NOT NULL,
    city text NOT NULL,
    federal_state text NOT NULL,
    latitude double precision,
    longitude double precision,
    phone text,
    opening_hours jsonb NOT NULL,
    is_primary boolean NOT NULL,
    is_active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    revision bigint NOT NULL DEFAULT 1,
    CONSTRAINT workshop_locations_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT workshop_locations_workshop FOREIGN KEY (organization_id, workshop_id)
    REFERENCES tenancy.workshops (organization_id, id),
    CONSTRAINT workshop_locations_postal_code CHECK (postal_code ~ '^[0-9]{5}$'),
    CONSTRAINT workshop_locations_federal_state CHECK (federal_state ~ '^DE-[A-Z]{2}$'),
    CONSTRAINT workshop_locations_phone CHECK (phone ~ '^\+[1-9][0-9]{1,14}$'),
    CONSTRAINT workshop_locations_latitude CHECK (latitude BETWEEN -90 AND 90),
    CONSTRAINT workshop_locations_longitude CHECK (longitude BETWEEN -180 AND 180),
    CONSTRAINT workshop_locations_whole_place CHECK ((latitude IS NULL) = (longitude IS NULL)),
    CONSTRAINT workshop_locations_opening_hours CHECK (jsonb_typeof(opening_hours) = 'array'),
    CONSTRAINT workshop_locations_primary_is_active CHECK (is_active OR NOT is_primary)
);

CREATE INDEX workshop_locations_of_workshop ON tenancy.workshop_locations (organization_id, workshop_id, id);
CREATE UNIQUE INDEX workshop_locations_primary ON tenancy.workshop_locations (organization_id, workshop_id)
WHERE is_primary;

SELECT core.protect('tenancy.workshop_locations');
SELECT core.audit('tenancy.workshop_locations');
GRANT SELECT, INSERT,
UPDATE (
    name, address, postal_code, city, federal_state, latitude, longitude, phone, opening_hours, is_primary, is_active,
    updated_at, revision
) ON tenancy.workshop_locations TO tenancy_api;
GRANT SELECT ON tenancy.workshop_locations TO tenancy_worker;

-- Invitations: sent again, the 72 hours begin again. Without sent_at it was sent when it was made.
ALTER TABLE tenancy.invitations
ADD COLUMN sent_at timestamptz,
ADD COLUMN revoked_at timestamptz,
-- squawk-ignore ban-drop-constraint
DROP CONSTRAINT invitations_end;
-- The new columns are empty: what held still holds.
ALTER TABLE tenancy.invitations
-- squawk-ignore constraint-missing-not-valid
ADD CONSTRAINT invitations_end CHECK (expires_at <= COALESCE(sent_at, created_at) + interval '72 hours'),
-- squawk-ignore constraint-missing-not-valid
ADD CONSTRAINT invitations_one_end CHECK (accepted_at IS NULL OR revoked_at IS NULL);
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX invitations_of_email ON tenancy.invitations (organization_id, email);
GRANT UPDATE (token_hash, sent_at, expires_at, revoked_at) ON tenancy.invitations TO tenancy_api;

-- How an invitation stands at a time.
CREATE FUNCTION tenancy.invitation_state(
    accepted_at timestamptz, revoked_at timestamptz, expires_at timestamptz, now timestamptz
) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE
        WHEN accepted_at IS NOT NULL THEN 'accepted'
        WHEN revoked_at IS NOT NULL THEN 'revoked'
        WHEN expires_at <= now THEN 'expired'
        ELSE 'pending'
    END
$$;
