"""The search in SQL."""

from carbot_core.db import Tx
from carbot_crm.search.models import Hit, Terms


async def find(tx: Tx, terms: Terms, *, with_leads: bool, with_vehicles: bool, limit: int) -> list[Hit]:
    """Find what fits, best first: words by resemblance (pg_trgm) or as a part, plates and numbers without blanks.

    The patterns are made before: under row security a condition that calls a function uses no index.
    """
    return await tx.all(
        Hit,
        """
        WITH typed AS MATERIALIZED (
            SELECT crm.fold($2) AS one, '%' || crm.fold($2) || '%' AS one_part,
                crm.fold($3) AS two, '%' || crm.fold($3) || '%' AS two_part,
                crm.fold($4) AS three, '%' || crm.fold($4) || '%' AS three_part,
                crm.fold($5) AS compact, '%' || crm.fold($5) || '%' AS compact_part
        ),
        found AS (
            (SELECT 'customer' AS kind, c.id,
                COALESCE(c.company, concat_ws(' ', c.first_name, c.last_name)) AS title,
                NULLIF(concat_ws(', ', c.city, c.phone, c.email), '') AS subtitle,
                GREATEST(word_similarity(t.one, c.search), (c.search LIKE t.one_part)::int) AS score
            FROM typed t
            JOIN crm.customers c ON c.organization_id = $1 AND c.merged_into IS NULL
                AND (c.search %> t.one OR c.search LIKE t.one_part)
                AND (t.two IS NULL OR c.search %> t.two OR c.search LIKE t.two_part)
                AND (t.three IS NULL OR c.search %> t.three OR c.search LIKE t.three_part)
            ORDER BY score DESC, c.id DESC
            LIMIT $8)
            UNION ALL
            (SELECT 'lead', l.id, l.name, NULLIF(concat_ws(', ', l.vehicle, l.phone, l.email), ''),
                GREATEST(word_similarity(t.one, l.search), (l.search LIKE t.one_part)::int) AS score
            FROM typed t
            JOIN crm.leads l ON l.organization_id = $1 AND $6
                AND (l.search %> t.one OR l.search LIKE t.one_part)
                AND (t.two IS NULL OR l.search %> t.two OR l.search LIKE t.two_part)
                AND (t.three IS NULL OR l.search %> t.three OR l.search LIKE t.three_part)
            ORDER BY score DESC, l.id DESC
            LIMIT $8)
            UNION ALL
            (SELECT 'vehicle', v.id, COALESCE(v.plate, v.vin, concat_ws(' ', v.make, v.model)),
                NULLIF(concat_ws(' ', v.make, v.model), ''),
                GREATEST(
                    word_similarity(t.compact, v.search), (v.search LIKE t.compact_part)::int,
                    word_similarity(t.one, v.search)
                ) AS score
            FROM typed t
            JOIN crm.customer_vehicles v ON v.organization_id = $1 AND $7
                AND (v.search %> t.compact OR v.search LIKE t.compact_part OR v.search %> t.one)
            ORDER BY score DESC, v.id DESC
            LIMIT $8)
        )
        SELECT kind, id, title, subtitle, score
        FROM found
        ORDER BY score DESC, kind, id DESC
        LIMIT $8
        """,
        tx.organization_id,
        *terms.words,
        terms.compact,
        with_leads,
        with_vehicles,
        limit,
    )
