"""Which message may be sent, on which ground, and what forbids the others."""

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any, Final, get_args

import msgspec
import pytest

from carbot_contracts.crm import ConsentSource, ConsentState
from carbot_crm.send_gate.actions import decide
from carbot_crm.send_gate.models import (
    ADVERTISING,
    SIMILAR,
    AdvertisingPurpose,
    Channel,
    Consent,
    Facts,
    Ground,
    Purpose,
    Sale,
    ServicePurpose,
)

NOON: Final = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR: Final = timedelta(hours=1)
SALES: Final = {
    "none": (),
    "similar": (Sale(goods="repair", was_noticed=True),),
    "unnoticed": (Sale(goods="repair", was_noticed=False),),
    "dissimilar": (Sale(goods="vehicle", was_noticed=True),),
    "in_halves": (Sale(goods="repair", was_noticed=False), Sale(goods="vehicle", was_noticed=True)),
}


def consent(state: ConsentState, source: ConsentSource = "online", *, is_of_address: bool = True) -> Consent:
    return Consent(state=state, source=source, is_of_address=is_of_address, occurred_at=NOON)


def facts(purpose: Purpose = "hu_reminder", channel: Channel = "email", **changes: Any) -> Facts:
    return Facts(purpose=purpose, channel=channel, **changes)


CASES: Final[list[tuple[str, Facts, bool, Ground]]] = [
    ("service", facts("vehicle_ready"), True, "service_message"),
    ("service in spite of an objection", facts("appointment", objected_at=NOON), True, "service_message"),
    ("service to a dead mailbox", facts("appointment", has_bounced=True), False, "address_undeliverable"),
    ("service under restriction", facts("answer", is_restricted=True), False, "customer_restricted"),
    ("service of a suspended firm", facts("answer", is_active=False), False, "organization_not_active"),
    ("service without an address", facts("answer", has_address=False), False, "address_missing"),
    ("nothing was said", facts(), False, "consent_missing"),
    ("double opt-in by mail", facts(consent=consent("confirmed")), True, "consent"),
    (
        "double opt-in by mail for sms",
        facts(channel="sms", consent=consent("confirmed")),
        False,
        "consent_not_confirmed",
    ),
    ("a form without confirmation", facts(consent=consent("granted")), False, "consent_not_confirmed"),
    ("said on the telephone", facts(consent=consent("granted", "oral")), False, "consent_not_confirmed"),
    ("signed", facts(channel="whatsapp", consent=consent("granted", "written")), True, "consent"),
    (
        "signed for another address",
        facts(consent=consent("granted", "written", is_of_address=False)),
        False,
        "consent_for_another_address",
    ),
    ("withdrawn", facts(consent=consent("withdrawn"), sales=SALES["similar"]), False, "consent_withdrawn"),
    ("objected", facts(objected_at=NOON, sales=SALES["similar"]), False, "objection"),
    ("objected after the consent", facts(objected_at=NOON, consent=consent("confirmed")), False, "objection"),
    ("consented after the objection", facts(objected_at=NOON - HOUR, consent=consent("confirmed")), True, "consent"),
    (
        "said yes on the telephone after the objection",
        facts(objected_at=NOON - HOUR, consent=consent("granted", "oral"), sales=SALES["similar"]),
        False,
        "objection",
    ),
    ("customer of a repair", facts(sales=SALES["similar"]), True, "existing_customer"),
    (
        "customer who was asked for a review",
        facts("review_request", sales=SALES["dissimilar"]),
        True,
        "existing_customer",
    ),
    ("customer who gets a newsletter", facts("newsletter", sales=SALES["similar"]), False, "consent_missing"),
]


@pytest.mark.parametrize(
    ("asked", "is_allowed", "ground"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_each_case(asked: Facts, is_allowed: bool, ground: Ground) -> None:
    verdict = decide(asked)
    assert (verdict.is_allowed, verdict.ground) == (is_allowed, ground)


@pytest.mark.parametrize(
    ("sales", "gives_notice", "unmet"),
    [
        ("none", True, ("sale", "similar_goods", "notice_at_collection")),
        ("unnoticed", True, ("notice_at_collection",)),
        ("dissimilar", True, ("similar_goods", "notice_at_collection")),
        ("in_halves", True, ("notice_at_collection",)),
        ("similar", False, ("notice_in_message",)),
    ],
)
def test_names_what_the_existing_customer_rule_lacks(sales: str, gives_notice: bool, unmet: tuple[str, ...]) -> None:
    verdict = decide(facts(sales=SALES[sales], gives_notice=gives_notice))
    assert (verdict.ground, verdict.unmet) == ("consent_missing", unmet)


CONSENTS: Final = (
    None,
    *(
        consent(state, source, is_of_address=is_of_address)
        for state, source, is_of_address in product(get_args(ConsentState), get_args(ConsentSource), (True, False))
    ),
)
OBJECTIONS: Final = (None, NOON - HOUR, NOON, NOON + HOUR)
HINDRANCES: Final[tuple[dict[str, bool], ...]] = (
    {},
    {"is_active": False},
    {"is_restricted": True},
    {"has_address": False},
    {"has_bounced": True},
)


def may_be_sent(asked: Facts) -> bool:
    """What the law says, read from the other end: each way to be allowed on its own."""
    said, no = asked.consent, asked.objected_at
    reachable = asked.is_active and not asked.is_restricted and asked.has_address and not asked.has_bounced
    is_service = asked.purpose in get_args(ServicePurpose)
    signed = said is not None and said.state in {"granted", "confirmed"} and said.source == "written"
    opted_in_twice = said is not None and said.state == "confirmed" and asked.channel == "email"
    consented = (
        said is not None and said.is_of_address and (signed or opted_in_twice) and (no is None or said.occurred_at > no)
    )
    never_said_no = no is None and (said is None or said.state in {"granted", "confirmed"})
    fitting = any(sale.goods in SIMILAR.get(asked.purpose, ()) and sale.was_noticed for sale in asked.sales)
    return reachable and (is_service or consented or (never_said_no and fitting and asked.gives_notice))


def test_every_combination_is_decided_as_the_law_says() -> None:
    seen = 0
    for purpose, channel, said, no, sales, gives_notice, hindrance in product(
        get_args(Purpose), get_args(Channel), CONSENTS, OBJECTIONS, SALES.values(), (True, False), HINDRANCES
    ):
        asked = Facts(
            purpose=purpose,
            channel=channel,
            consent=said,
            objected_at=no,
            sales=sales,
            gives_notice=gives_notice,
            **hindrance,  # pyright: ignore[reportArgumentType] - flags by name
        )
        verdict = decide(asked)
        assert verdict.is_allowed == may_be_sent(asked), asked
        assert (verdict.norm is not None) or not verdict.is_allowed
        assert verdict.is_allowed == (verdict.ground in {"service_message", "consent", "existing_customer"})
        seen += 1
    assert seen == 8 * 3 * 33 * 4 * 5 * 2 * 5


def test_every_purpose_is_of_a_kind() -> None:
    assert set(get_args(Purpose)) == {*get_args(ServicePurpose), *get_args(AdvertisingPurpose)}
    assert {"hu_reminder", "review_request"} <= ADVERTISING
    assert set(SIMILAR) == ADVERTISING


def test_a_verdict_can_be_shown() -> None:
    assert msgspec.json.decode(msgspec.json.encode(decide(facts())))["ground"] == "consent_missing"
