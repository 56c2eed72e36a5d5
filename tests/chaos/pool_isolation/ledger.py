"""The last look: every row bears its organisation's mark, and every write is there wholly or not at all."""

from typing import LiteralString
from uuid import UUID

import asyncpg

from tests.chaos.pool_isolation.tenants import Town

_MARKS: LiteralString = "(SELECT * FROM unnest($1::uuid[], $2::text[]) AS t (organization_id, mark))"

_MISPLACED: dict[str, LiteralString] = {
    "leads": f"""
        SELECT count(*) FROM crm.leads r LEFT JOIN {_MARKS} t USING (organization_id)
        WHERE t.mark IS NULL OR replace(r.name, ' again', '') <> t.mark OR r.email <> t.mark || '@example.org'
            OR r.request <> t.mark OR r.vehicle <> t.mark
    """,
    "interactions": f"""
        SELECT count(*) FROM crm.lead_interactions r LEFT JOIN {_MARKS} t USING (organization_id)
        WHERE t.mark IS NULL OR r.text <> t.mark
    """,
    "audit": f"""
        SELECT count(*) FROM crm.audit_outbox r LEFT JOIN {_MARKS} t USING (organization_id)
        WHERE t.mark IS NULL OR regexp_replace(convert_from(r.body, 'UTF8'), t.mark, '', 'g') ~ 'mark[0-9]{{2}}'
    """,
    "events": f"""
        SELECT count(*) FROM crm.outbox r LEFT JOIN {_MARKS} t USING (organization_id)
        WHERE t.mark IS NULL
            OR NOT EXISTS (SELECT FROM crm.leads l WHERE (l.organization_id, l.id) = (r.organization_id, r.aggregate_id))
    """,
}

# What the run itself has created was announced once, has its first note, and was recorded.
_HALVED: LiteralString = """
    SELECT count(*)
    FROM crm.leads l
    LEFT JOIN (
        SELECT aggregate_id AS id, count(*) AS announced
        FROM crm.outbox
        WHERE subject = 'crm.lead.created.v1'
        GROUP BY aggregate_id
    ) o USING (id)
    LEFT JOIN (SELECT DISTINCT organization_id, lead_id AS id FROM crm.lead_interactions) i USING (organization_id, id)
    WHERE l.created_at > now() - interval '1 day' AND (o.announced IS DISTINCT FROM 1 OR i.id IS NULL)
"""
_UNRECORDED: LiteralString = """
    SELECT (SELECT count(*) FROM crm.leads WHERE created_at > now() - interval '1 day')
        - (SELECT count(*) FROM crm.audit_outbox
            WHERE convert_from(body, 'UTF8')::jsonb ->> 'table' = 'crm.leads'
                AND convert_from(body, 'UTF8')::jsonb ->> 'action' = 'insert')
"""


async def faults_in_rows(superuser: asyncpg.Connection, town: Town, acknowledged: set[UUID]) -> list[str]:
    """Return what is wrong with what is stored."""
    organizations = [tenant.organization_id for tenant in town.tenants]
    marks = [tenant.mark for tenant in town.tenants]
    faults: list[str] = []
    for name, sql in _MISPLACED.items():
        if count := await superuser.fetchval(sql, organizations, marks):
            faults.append(f"{count} rows of {name} are another organisation's")
    if count := await superuser.fetchval(_HALVED):
        faults.append(f"{count} leads are there by half")
    if count := await superuser.fetchval(_UNRECORDED):
        faults.append(f"{count} leads were not recorded, or those that are not there were")
    kept = {row["id"] for row in await superuser.fetch("SELECT id FROM crm.leads")}
    if lost := acknowledged - kept:
        faults.append(f"{len(lost)} leads that were acknowledged are lost")
    return faults
