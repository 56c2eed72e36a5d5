"""The lead dashboard in one statement."""

from datetime import datetime
from uuid import UUID

from carbot_core.db import Tx
from carbot_crm.dashboard.models import Dashboard


async def read_dashboard(tx: Tx, workshop_id: UUID, *, days: int, now: datetime) -> Dashboard | None:
    """Count the leads of a workshop, or return None if the caller sees no such workshop.

    Everything but the hot list is counted from leads_dashboard alone, an index that covers it.
    """
    return await tx.first(
        Dashboard,
        """
        WITH place AS MATERIALIZED (
            SELECT w.id, w.time_zone,
                (date_trunc('day', $4::timestamptz AT TIME ZONE w.time_zone) - make_interval(days => $3 - 1))
                    AT TIME ZONE w.time_zone AS begin,
                ($4::timestamptz AT TIME ZONE w.time_zone)::date AS today
            FROM crm.workshops w
            WHERE w.organization_id = $1 AND w.id = $2
        ),
        counted AS MATERIALIZED (
            SELECT l.status, l.source, l.classification, l.lead_score, l.first_response_at, l.created_at,
                (l.created_at AT TIME ZONE p.time_zone)::date AS day
            FROM place p
            JOIN crm.leads l ON l.organization_id = $1 AND l.created_at >= p.begin AND l.workshop_id = p.id
        ),
        days AS (
            SELECT d.day::date AS day
            FROM place p
            CROSS JOIN generate_series(p.today - ($3 - 1), p.today, interval '1 day') AS d (day)
        )
        SELECT $3::int AS days, t.leads, t.today, t.converted, t.average_score, t.median_response_minutes,
            t.answered_within_hour, t.unanswered,
            CASE WHEN t.leads = 0 THEN 0 ELSE round(t.converted::numeric / t.leads, 4)::float8 END AS conversion_rate,
            COALESCE((SELECT jsonb_object_agg(status, n) FROM (SELECT status, count(*) AS n FROM counted GROUP BY 1) s),
                '{}') AS by_status,
            COALESCE((SELECT jsonb_object_agg(source, n) FROM (SELECT source, count(*) AS n FROM counted GROUP BY 1) s),
                '{}') AS by_source,
            COALESCE((
                SELECT jsonb_object_agg(classification, n)
                FROM (SELECT classification, count(*) AS n FROM counted GROUP BY 1) s
            ), '{}') AS by_classification,
            COALESCE((
                SELECT jsonb_object_agg(ten, n)
                FROM (SELECT LEAST(lead_score / 10, 9) * 10 AS ten, count(*) AS n FROM counted GROUP BY 1) s
            ), '{}') AS by_score,
            (
                SELECT jsonb_agg(jsonb_build_object('day', d.day, 'leads', COALESCE(c.leads, 0),
                    'converted', COALESCE(c.converted, 0)) ORDER BY d.day)
                FROM days d
                LEFT JOIN (
                    SELECT day, count(*) AS leads, count(*) FILTER (WHERE status = 'converted') AS converted
                    FROM counted
                    GROUP BY day
                ) c ON c.day = d.day
            ) AS by_day,
            COALESCE((
                SELECT jsonb_agg(jsonb_build_object('id', h.id, 'name', h.name, 'score', h.lead_score,
                    'created_at', to_char(h.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')))
                FROM (
                    SELECT id, name, lead_score, created_at
                    FROM crm.leads
                    WHERE organization_id = $1 AND workshop_id = $2 AND status IN ('new', 'contacted', 'qualified')
                        AND lead_score >= 70
                    ORDER BY lead_score DESC, created_at DESC, id DESC
                    LIMIT 10
                ) h
            ), '[]') AS hot
        FROM place p
        CROSS JOIN LATERAL (
            SELECT count(*) AS leads, count(*) FILTER (WHERE c.day = p.today) AS today,
                count(*) FILTER (WHERE c.status = 'converted') AS converted,
                COALESCE(round(avg(c.lead_score), 1)::float8, 0) AS average_score,
                percentile_cont(0.5) WITHIN GROUP (
                    ORDER BY EXTRACT(epoch FROM c.first_response_at - c.created_at)::float8 / 60
                ) AS median_response_minutes,
                count(*) FILTER (WHERE c.first_response_at <= c.created_at + interval '1 hour') AS answered_within_hour,
                count(*) FILTER (WHERE c.first_response_at IS NULL AND c.status = 'new') AS unanswered
            FROM counted c
        ) t
        """,
        tx.organization_id,
        workshop_id,
        days,
        now,
    )
