"""A town of workshops with their customers, vehicles, leads and conversations, put there past triggers and row security.

Everything follows from numbers: row n of a kind has an id made of n, belongs to organisation `first + n % organizations`, and
gets what else it has from hashes of n and the seed. So relations need no join, and the same seed makes the same rows.
"""

from collections.abc import Generator
from typing import Final
from uuid import UUID

import asyncpg
import msgspec

from tests.perf import tenants

CUSTOMER, VEHICLE, LEAD, SESSION, MESSAGE, OWNERSHIP, DUE, WORK, SENT, TAKEN = (
    f"0191{kind:04x}" for kind in range(1, 11)
)
_MESSAGES_EACH = 10
"""Messages of a conversation."""


class Quarter(msgspec.Struct, frozen=True, kw_only=True):
    """Organisations of like size; together they hold so many rows. One workshop each."""

    first: int
    organizations: int
    customers: int
    vehicles: int
    leads: int
    messages: int
    offset: int
    """The number before the first row of each kind."""

    @property
    def sessions(self) -> int:
        return self.messages // _MESSAGES_EACH

    def number(self, organization: int, which: int) -> int:
        """Return the number of the organisation's row: its first for 0, its second for 1 ..."""
        return self.offset + which * self.organizations + organization - self.first


LARGEST = Quarter(
    first=tenants.FIRST, organizations=1, customers=5_000, vehicles=6_000, leads=20_000, messages=200_000, offset=0
)
"""A fifth of all."""
OTHERS = Quarter(
    first=tenants.FIRST + 1,
    organizations=499,
    customers=20_000,
    vehicles=24_000,
    leads=80_000,
    messages=800_000,
    offset=1_000_000,
)
NEWCOMERS = Quarter(
    first=tenants.FIRST + 500,
    organizations=4_500,
    customers=180_000,
    vehicles=216_000,
    leads=720_000,
    messages=7_200_000,
    offset=10_000_000,
)
"""Those who make it ten times the organisations; the largest stays as it is."""

CROWDED = Quarter(first=9_000, organizations=1, customers=6, vehicles=6, leads=100_000, messages=10, offset=60_000_000)
"""An organisation whose leads are all scored again."""


def row_id(kind: str, number: int) -> UUID:
    return UUID(f"{kind}-0000-7000-8000-{number:012x}")


_HELPERS: Final = """
    CREATE OR REPLACE FUNCTION pg_temp.pick(number bigint, salt int, choices int) RETURNS int
    LANGUAGE sql IMMUTABLE AS 'SELECT ((hashint8extended($1, $2) & 2147483647) % $3)::int';
    CREATE OR REPLACE FUNCTION pg_temp.id(kind text, number bigint) RETURNS uuid
    LANGUAGE sql IMMUTABLE AS $$SELECT (kind || '-0000-7000-8000-' || lpad(to_hex(number), 12, '0'))::uuid$$;
"""

# Of each: $1 first organisation, $2 organisations, $3 offset, $4 rows, $5 seed, $6 and $7 the beginnings of an
# organisation's and a workshop's id.
_OWNER: Final = "$1::int + ((n - $3::bigint) % $2::int)::int"
_OF: Final = f"FROM (SELECT n, {_OWNER} AS owner FROM generate_series($3, $3 + $4::bigint - 1) AS n) numbered"
_TENANT: Final = "($6 || owner)::uuid"
_PLACE: Final = "($7 || owner)::uuid"

_ORGANIZATIONS: Final = f"""
    INSERT INTO crm.organizations
        (organization_id, slug, legal_name, country, locale, time_zone, status, registered_at, version)
    SELECT {_TENANT}, 'werkstatt-' || owner, 'Werkstatt ' || owner || ' GmbH', 'DE', 'de', 'Europe/Berlin', 'active',
        now(), 1
    {_OF}
    WHERE $4 + $5::int + length($7) > 0
"""

_WORKSHOPS: Final = f"""
    INSERT INTO crm.workshops (organization_id, id, name, slug, time_zone, postal_code, is_active, version)
    SELECT {_TENANT}, {_PLACE}, 'Werkstatt ' || owner, 'werkstatt-' || owner, 'Europe/Berlin', '10115', true, 1
    {_OF}
    WHERE $4 + $5::int > 0
"""

_FIRST_NAMES: Final = (
    "'{Anna,Ayşe,Bernd,Claudia,Dieter,Elif,Emre,Fatma,Günter,Hannelore,Ingrid,Jan,Jürgen,Katarzyna,Klaus,Lena,Małgorzata,"
    "Mehmet,Monika,Piotr,Renate,Sabine,Stefan,Thomas,Ursula,Werner,Wolfgang,Zeynep,Agnieszka,Björn}'::text[]"
)
_LAST_NAMES: Final = (
    "'{Müller,Schmidt,Schneider,Fischer,Weber,Meyer,Wagner,Becker,Schulz,Hoffmann,Schäfer,Koch,Bauer,Richter,Klein,Wolf,"
    "Schröder,Neumann,Schwarz,Zimmermann,Braun,Krüger,Hofmann,Hartmann,Lange,Schmitt,Werner,Krause,Meier,Lehmann,Yılmaz,"
    "Kaya,Demir,Şahin,Çelik,Öztürk,Kowalski,Nowak,Wiśniewski,Wójcik,Kamiński,Lewandowski,Groß,Weiß,Jäger,Böhm,Kühn,"
    "Voigt,Friedrich,Winkler}'::text[]"
)
_STREETS: Final = "'{Hauptstraße,Bahnhofstraße,Gartenweg,Schillerstraße,Am Mühlbach,Lindenallee}'::text[]"
_CITIES: Final = "'{Berlin,Hamburg,München,Köln,Görlitz,Düsseldorf,Nürnberg,Osnabrück}'::text[]"
_MAKES: Final = "'{VW,Opel,BMW,Audi,Mercedes-Benz,Ford,Škoda,Renault,Toyota,Fiat}'::text[]"
_MODELS: Final = "'{Golf,Corsa,3er,A4,C-Klasse,Focus,Octavia,Clio,Yaris,Panda}'::text[]"

_CUSTOMERS: Final = f"""
    INSERT INTO crm.customers
        (organization_id, id, workshop_id, kind, first_name, last_name, company, email, phone, street, postal_code, city,
        source, created_at, updated_at)
    SELECT {_TENANT}, pg_temp.id('{CUSTOMER}', n), {_PLACE}, CASE WHEN n % 12 = 0 THEN 'company' ELSE 'person' END, first,
        last, CASE WHEN n % 12 = 0 THEN last || ' Bau GmbH' END, 'kunde' || n || '@example.org',
        '+49151' || lpad(n::text, 8, '0'), ({_STREETS})[1 + pg_temp.pick(n, $5 + 3, 6)] || ' ' || 1 + n % 140,
        lpad((10000 + pg_temp.pick(n, $5 + 4, 80000))::text, 5, '0'), ({_CITIES})[1 + pg_temp.pick(n, $5 + 5, 8)], 'staff',
        at, at
    FROM (
        SELECT n, owner, ({_FIRST_NAMES})[1 + pg_temp.pick(n, $5 + 1, 30)] AS first,
            ({_LAST_NAMES})[1 + pg_temp.pick(n, $5 + 2, 50)] AS last,
            now() - pg_temp.pick(n, $5 + 6, 94608000) * interval '1 second' AS at
        {_OF}
    ) drawn
"""

# Inspections are due within three years, a few overdue.
_VEHICLES: Final = f"""
    INSERT INTO crm.customer_vehicles
        (organization_id, id, workshop_id, vin, plate, hsn, tsn, make, model, first_registration, fuel, vehicle_class,
        mileage, mileage_read_on, tuv_expiry, created_at, updated_at)
    SELECT {_TENANT}, pg_temp.id('{VEHICLE}', n), {_PLACE}, 'WVWZZZ1KZ' || lpad(n::text, 8, '0'),
        (ARRAY['B', 'HH', 'M', 'K', 'GR', 'D', 'N', 'OS'])[1 + pg_temp.pick(n, $5 + 7, 8)] || '-'
            || chr(65 + n::int % 26) || chr(65 + (n::int / 26) % 26) || ' ' || 1 + pg_temp.pick(n, $5 + 8, 9999),
        '0603', 'BGU', ({_MAKES})[1 + kind], ({_MODELS})[1 + kind],
        current_date - 400 - pg_temp.pick(n, $5 + 9, 6000), 'petrol', 'car', pg_temp.pick(n, $5 + 10, 250000),
        current_date - 30, expiry, at, at
    FROM (
        SELECT n, owner, pg_temp.pick(n, $5 + 11, 10) AS kind,
            (date_trunc('month', now()) + (pg_temp.pick(n, $5 + 12, 39) - 2) * interval '1 month'
                - interval '1 day')::date AS expiry,
            now() - pg_temp.pick(n, $5 + 13, 94608000) * interval '1 second' AS at
        {_OF}
    ) drawn
"""

_OWNERSHIPS: Final = f"""
    INSERT INTO crm.vehicle_ownerships
        (organization_id, id, vehicle_id, customer_id, workshop_id, starts_on, created_at, updated_at)
    SELECT {_TENANT}, pg_temp.id('{OWNERSHIP}', n), pg_temp.id('{VEHICLE}', n),
        pg_temp.id('{CUSTOMER}', $3 + (n - $3) % ($4 * 5 / 6 / $2 * $2)), {_PLACE}, current_date - 300, now(), now()
    {_OF}
    WHERE $5::int >= 0
"""

_DUE: Final = f"""
    INSERT INTO crm.vehicle_due_items
        (organization_id, id, vehicle_id, workshop_id, kind, due_on, source, created_at, updated_at)
    SELECT {_TENANT}, pg_temp.id('{DUE}', 2 * n + which), pg_temp.id('{VEHICLE}', n), {_PLACE},
        (ARRAY['hu', 'au'])[1 + which],
        (date_trunc('month', now()) + (pg_temp.pick(n, $5 + 12, 39) - 2) * interval '1 month' - interval '1 day')::date,
        'work', now(), now()
    {_OF}
    CROSS JOIN generate_series(0, 1) AS which
"""

_WORKS: Final = f"""
    INSERT INTO crm.vehicle_works (organization_id, id, vehicle_id, workshop_id, kind, done_on, passed, created_at)
    SELECT {_TENANT}, pg_temp.id('{WORK}', 3 * n + which), pg_temp.id('{VEHICLE}', n), {_PLACE},
        (ARRAY['hu', 'service', 'repair'])[1 + which], current_date - 100 * which - pg_temp.pick(n, $5 + 14, 100), true, now()
    {_OF}
    CROSS JOIN generate_series(0, 2) AS which
"""

# The share of each status is what a workshop sees after a year; most leads are recent.
_LEADS: Final = f"""
    INSERT INTO crm.leads
        (organization_id, id, workshop_id, source, name, phone, email, request, vehicle, language, status, lead_score,
        classification, first_response_at, converted_at, created_at, updated_at)
    SELECT {_TENANT}, pg_temp.id('{LEAD}', n), {_PLACE},
        (ARRAY['website', 'widget', 'phone', 'email', 'walk_in', 'referral'])[1 + pg_temp.pick(n, $5 + 15, 6)], name,
        '+4940' || lpad(n::text, 8, '0'), 'anfrage' || n || '@example.org',
        'TÜV und Bremsen, gern am Vormittag; der Wagen steht seit Montag', 'VW Golf VII, B-AY ' || n, 'de', status, score,
        CASE WHEN score >= 80 THEN 'hot' WHEN score >= 60 THEN 'warm' WHEN score >= 40 THEN 'cold' ELSE 'very_cold' END,
        CASE WHEN status <> 'new' THEN at + pg_temp.pick(n, $5 + 16, 14400) * interval '1 second' END,
        CASE WHEN status = 'converted' THEN at + interval '2 days' END, at, at
    FROM (
        SELECT n, owner, pg_temp.pick(n, $5 + 17, 101) AS score,
            ({_FIRST_NAMES})[1 + pg_temp.pick(n, $5 + 18, 30)] || ' ' || ({_LAST_NAMES})[1 + pg_temp.pick(n, $5 + 19, 50)]
                AS name,
            (ARRAY['new', 'contacted', 'qualified', 'converted', 'converted', 'converted', 'lost', 'lost', 'lost', 'spam'])[
                1 + pg_temp.pick(n, $5 + 20, 10)
            ] AS status,
            now() - power(pg_temp.pick(n, $5 + 21, 10000) / 10000.0, 2) * interval '400 days' AS at
        {_OF}
    ) drawn
"""

_INTERACTIONS: Final = f"""
    INSERT INTO crm.lead_interactions (organization_id, id, lead_id, workshop_id, kind, text, created_at)
    SELECT {_TENANT}, pg_temp.id('{TAKEN}', 2 * n + which), pg_temp.id('{LEAD}', n), {_PLACE},
        (ARRAY['form', 'call'])[1 + which], 'TÜV und Bremsen, gern am Vormittag',
        now() - power(pg_temp.pick(n, $5 + 21, 10000) / 10000.0, 2) * interval '400 days' + which * interval '1 hour'
    {_OF}
    CROSS JOIN generate_series(0, 1) AS which
"""

_SENT: Final = f"""
    INSERT INTO crm.customer_communications
        (organization_id, id, workshop_id, customer_id, channel, direction, purpose, recipient, language, subject, body,
        status, due_at, verdict, ground, decided_at, sent_at, created_at, updated_at)
    SELECT {_TENANT}, pg_temp.id('{SENT}', 2 * n + which), {_PLACE}, pg_temp.id('{CUSTOMER}', n), 'email', 'outbound',
        'appointment', 'kunde' || n || '@example.org', 'de', 'Ihr Termin', 'Ihr Termin ist am Montag um neun.', 'sent', at,
        'allow', 'service', at, at, at, at
    FROM (SELECT n, owner, now() - pg_temp.pick(n, $5 + 22, 31536000) * interval '1 second' AS at {_OF}) drawn
    CROSS JOIN generate_series(0, 1) AS which
"""

_BEGAN: Final = "now() - pg_temp.pick(n, $5 + 23, 6912000) * interval '1 second' - interval '10 minutes'"

_SESSIONS: Final = f"""
    INSERT INTO crm.chat_sessions
        (organization_id, id, workshop_id, language, status, client_key, token_hash, consent_text_version,
        consent_communication, consent_analytics, consent_at, notice_version, answered_to, last_message_at, created_at,
        updated_at)
    SELECT {_TENANT}, pg_temp.id('{SESSION}', n), {_PLACE}, 'de',
        (ARRAY['open', 'handed_over', 'closed', 'closed', 'closed'])[1 + pg_temp.pick(n, $5 + 24, 5)],
        pg_temp.id('{SESSION}', n), 'none', '2026-01', true, false, began, '2026-01', last, last, began, last
    FROM (SELECT n, owner, {_BEGAN} AS began, {_BEGAN} + {_MESSAGES_EACH - 1} * interval '40 seconds' AS last {_OF}) drawn
"""

_MESSAGES: Final = f"""
    INSERT INTO crm.chat_messages (organization_id, id, session_id, workshop_id, author, text, created_at)
    SELECT {_TENANT}, pg_temp.id('{MESSAGE}', {_MESSAGES_EACH} * n + which), pg_temp.id('{SESSION}', n), {_PLACE},
        (ARRAY['visitor', 'bot'])[1 + which % 2], 'Wann kann ich den Wagen bringen? Die Bremsen quietschen seit Montag.',
        {_BEGAN} + which * interval '40 seconds'
    {_OF}
    CROSS JOIN generate_series(0, {_MESSAGES_EACH - 1}) AS which
"""


async def load(connection: asyncpg.Connection, quarter: Quarter, *, seed: int) -> None:
    """Add the organisations with all their rows; the connection is the superuser's."""
    async with connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute(_HELPERS)
        for statement, rows in _statements(quarter):
            await connection.execute(
                statement,
                *(quarter.first, quarter.organizations, quarter.offset, rows, seed),
                *(tenants.ORGANIZATION, tenants.WORKSHOP),
            )


async def come_to_rest(connection: asyncpg.Connection) -> None:
    """Do what autovacuum would have done by the time that somebody asks."""
    await connection.execute("VACUUM (ANALYZE)")
    await connection.execute("CHECKPOINT")


async def open_past_months(connection: asyncpg.Connection) -> None:
    """Make the partitions that messages of the last 90 days are in."""
    await connection.execute(
        """
        SELECT partman.create_partition_time('crm.chat_messages', array_agg(at))
        FROM generate_series(date_trunc('month', now()) - interval '3 months', now(), interval '1 month') AS at
        """
    )
    await connection.execute("SELECT core.protect_partitions('crm')")


def _statements(quarter: Quarter) -> Generator[tuple[str, int]]:
    for statement in (_ORGANIZATIONS, _WORKSHOPS):
        yield statement, quarter.organizations
    for statement in (_CUSTOMERS, _SENT):
        yield statement, quarter.customers
    for statement in (_VEHICLES, _OWNERSHIPS, _DUE, _WORKS):
        yield statement, quarter.vehicles
    for statement in (_LEADS, _INTERACTIONS):
        yield statement, quarter.leads
    for statement in (_SESSIONS, _MESSAGES):
        yield statement, quarter.sessions
