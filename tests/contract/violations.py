"""A violation for each rule over the catalogue: what to do in a transaction, and which rules must then be broken.

The matrix of rights is exact, so whatever grants something breaks it as well.
"""

from typing import Final

import rights_rules as rights
from catalogue_rules import (
    Rule,
    changes_are_recorded,
    foreign_keys_have_an_index,
    foreign_keys_stay_inside,
    indexes_begin_with_the_organization,
    keys_begin_with_the_organization,
    nothing_widens_a_policy,
    organization_is_compared,
    organization_is_there,
    policies_ask_once,
    rows_are_secured,
    types_are_ours,
    workshop_is_compared,
)

_MATRIX: Final = rights.rights_are_as_written
_VISITS: Final = """
    SET LOCAL ROLE crm_owner;
    CREATE TABLE crm.visits (organization_id uuid, at timestamptz, PRIMARY KEY (organization_id, at)) PARTITION BY RANGE (at);
    CREATE TABLE crm.visits_then PARTITION OF crm.visits DEFAULT;
    SELECT core.protect('crm.visits', NULL), core.audit('crm.visits');
"""

VIOLATIONS: Final[tuple[tuple[str, set[Rule]], ...]] = (
    ("ALTER TABLE crm.leads NO FORCE ROW LEVEL SECURITY", {rows_are_secured}),
    ("ALTER TABLE crm.leads DISABLE ROW LEVEL SECURITY", {rows_are_secured}),
    (
        f"{_VISITS} SELECT core.protect_partitions('crm'); ALTER TABLE crm.visits_then DISABLE ROW LEVEL SECURITY",
        {rows_are_secured},
    ),
    (_VISITS, {rows_are_secured, organization_is_compared}),
    ("ALTER POLICY organization ON crm.leads USING (true)", {organization_is_compared}),
    ("ALTER POLICY organization ON crm.leads TO crm_api", {organization_is_compared}),
    ("ALTER POLICY organization ON crm.leads WITH CHECK (true)", {organization_is_compared}),
    ("CREATE POLICY more ON crm.leads FOR SELECT USING (true)", {nothing_widens_a_policy}),
    ("DROP POLICY workshop ON crm.leads", {workshop_is_compared}),
    ("DROP POLICY workshop ON crm.workshops", {workshop_is_compared}),
    ("ALTER POLICY workshop ON crm.leads USING (true)", {workshop_is_compared}),
    (
        "CREATE POLICY slow ON crm.leads AS RESTRICTIVE USING (organization_id = core.current_organization())",
        {policies_ask_once},
    ),
    (
        (
            "UPDATE pg_attribute SET attnotnull = false"
            " WHERE attrelid = 'crm.leads'::regclass AND attname = 'organization_id'"
        ),
        {organization_is_there},
    ),
    ("ALTER TABLE crm.leads ADD CONSTRAINT leads_mail UNIQUE (email)", {keys_begin_with_the_organization}),
    ("ALTER TABLE crm.lead_interactions DROP CONSTRAINT lead_interactions_pkey", {keys_begin_with_the_organization}),
    (
        (
            "ALTER TABLE crm.lead_interactions ADD CONSTRAINT turned FOREIGN KEY (lead_id, organization_id)"
            " REFERENCES crm.leads (id, organization_id)"
        ),
        {foreign_keys_stay_inside},
    ),
    (
        (
            "ALTER TABLE crm.lead_interactions ADD CONSTRAINT unproven FOREIGN KEY (organization_id, lead_id)"
            " REFERENCES crm.leads (organization_id, id) NOT VALID"
        ),
        {foreign_keys_stay_inside},
    ),
    ("CREATE INDEX loose ON crm.leads (email)", {indexes_begin_with_the_organization}),
    ("CREATE INDEX loose ON crm.leads (lower(email))", {indexes_begin_with_the_organization}),
    ("DROP INDEX crm.lead_interactions_of_workshop", {foreign_keys_have_an_index}),
    (
        (
            "DROP INDEX crm.lead_interactions_of_workshop; CREATE INDEX half ON crm.lead_interactions"
            " (organization_id, workshop_id) WHERE text IS NULL"
        ),
        {foreign_keys_have_an_index},
    ),
    ("ALTER TABLE crm.leads ADD seen_at timestamp", {types_are_ours}),
    ("ALTER TABLE crm.leads ADD price double precision", {types_are_ours}),
    ("ALTER TABLE crm.leads ADD prices money[]", {types_are_ours}),
    (
        "SET LOCAL ROLE crm_owner; CREATE TYPE crm.mood AS ENUM ('good'); ALTER TABLE crm.leads ADD mood crm.mood",
        {types_are_ours},
    ),
    ("DROP TRIGGER audit_delete ON crm.leads", {changes_are_recorded}),
    ("ALTER TABLE crm.leads DISABLE TRIGGER audit_update", {changes_are_recorded}),
    ("REVOKE SELECT ON crm.leads FROM crm_worker", {_MATRIX}),
    ("GRANT SELECT ON crm.jobs TO crm_api", {_MATRIX}),
    ("GRANT UPDATE (created_at) ON crm.leads TO crm_api", {_MATRIX}),
    ("GRANT SELECT ON crm.leads TO PUBLIC", {_MATRIX}),
    ("GRANT UPDATE (id) ON crm.leads TO crm_api", {rights.keys_never_change, _MATRIX}),
    ("GRANT UPDATE ON crm.leads TO crm_api", {rights.keys_never_change, _MATRIX}),
    (
        f"{_VISITS} SELECT core.protect_partitions('crm'); GRANT SELECT ON crm.visits_then TO crm_api",
        {rights.partitions_are_closed},
    ),
    ("GRANT TRUNCATE ON crm.leads TO crm_worker", {rights.rights_are_harmless, _MATRIX}),
    ("GRANT SELECT ON crm.leads TO crm_api WITH GRANT OPTION", {rights.rights_are_harmless}),
    (
        (
            "SET LOCAL ROLE crm_owner; CREATE MATERIALIZED VIEW crm.all_leads AS SELECT id FROM crm.leads;"
            " GRANT SELECT ON crm.all_leads TO crm_api"
        ),
        {rights.materialized_views_are_closed, _MATRIX},
    ),
    ("SET LOCAL ROLE crm_owner; CREATE VIEW crm.every AS SELECT id FROM crm.leads", {rights.views_ask_as_the_caller}),
    (
        "SET LOCAL ROLE crm_owner; CREATE FUNCTION crm.peek() RETURNS int SECURITY DEFINER LANGUAGE sql RETURN 1",
        {rights.functions_run_as_the_caller},
    ),
    ("CREATE DOMAIN crm.word AS text", {rights.owners_own}),
    (
        "CREATE FUNCTION public.peek() RETURNS int LANGUAGE sql RETURN 1; ALTER FUNCTION public.peek OWNER TO crm_worker",
        {rights.owners_own},
    ),
    ("ALTER ROLE crm_api BYPASSRLS", {rights.roles_are_bound}),
    ("ALTER ROLE crm_worker INHERIT", {rights.roles_are_bound}),
    ("ALTER ROLE crm_owner LOGIN", {rights.roles_are_bound}),
    ("ALTER ROLE crm_migrate SUPERUSER", {rights.roles_are_bound}),
    ("GRANT crm_owner TO crm_worker", {rights.only_migrations_become_owner}),
    ("GRANT pg_read_all_data TO crm_api", {rights.only_migrations_become_owner}),
    ("GRANT USAGE ON SCHEMA partman TO crm_api", {rights.schemas_are_closed}),
    ("GRANT CREATE ON SCHEMA crm TO crm_worker", {rights.schemas_are_closed}),
    ("GRANT USAGE ON SCHEMA crm TO PUBLIC", {rights.schemas_are_closed}),
    (
        "ALTER DEFAULT PRIVILEGES FOR ROLE crm_owner IN SCHEMA crm GRANT SELECT ON TABLES TO crm_api",
        {rights.nothing_is_granted_in_advance},
    ),
    ("ALTER ROLE crm_api SET statement_timeout = '60s'", {rights.roles_have_their_settings}),
    ("ALTER ROLE crm_worker RESET jit", {rights.roles_have_their_settings}),
    ("ALTER FUNCTION pg_catalog.arraycontains(anyarray, anyarray) LEAKPROOF", {rights.marks_are_listed}),
    ("ALTER FUNCTION public.similarity_op(text, text) NOT LEAKPROOF", {rights.marks_are_listed}),
)
