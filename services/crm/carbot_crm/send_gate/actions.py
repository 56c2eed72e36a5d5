"""The rules, in the order in which they are asked; nothing here knows of a message's text."""

from typing import Final
from uuid import UUID

from msgspec.structs import replace

from carbot_core.db import Tx
from carbot_core.errors import NotFound
from carbot_crm.keys import Keys
from carbot_crm.send_gate import queries
from carbot_crm.send_gate.models import (
    ADVERTISING,
    SIMILAR,
    Channel,
    Condition,
    Consent,
    Facts,
    Purpose,
    Recipient,
    Sale,
    Verdict,
)

_SERVICE: Final = "Art. 6(1)(b) GDPR"
_RESTRICTED: Final = "Art. 18(2) GDPR"
_ACCURATE: Final = "Art. 5(1)(d) GDPR"
_OBJECTED: Final = "Art. 21(3) GDPR, section 7(3) no. 3 UWG"
_WITHDRAWN: Final = "Art. 7(3) GDPR"
_CONSENT: Final = "section 7(2) no. 2 UWG"
_PROOF: Final = "section 7(2) no. 2 UWG, BGH I ZR 164/09"
_EXISTING: Final = "section 7(3) UWG"
_INACTIVE: Final = frozenset({"suspended", "closing", "erased"})
_ENDED: Final = frozenset({"withdrawn", "objected"})


class CustomerNotFound(NotFound):
    """There is no such customer."""


async def find_recipient(tx: Tx, customer_id: UUID) -> Recipient:
    """Return the customer who is to be written to; raise CustomerNotFound."""
    recipient = await queries.find_recipient(tx, customer_id)
    if recipient is None:
        raise CustomerNotFound(customer=customer_id)
    return recipient


async def assess(tx: Tx, keys: Keys, recipient: Recipient, channel: Channel, purpose: Purpose) -> Verdict:
    """Return the verdict on a message to a customer by what is known now."""
    facts = Facts(
        channel=channel,
        purpose=purpose,
        is_active=recipient.organization_status not in _INACTIVE,
        is_restricted=recipient.is_restricted,
    )
    address = recipient.address(channel)
    if address is None:
        return decide(replace(facts, has_address=False))
    address_hash = keys.hash_address(tx.organization_id, channel, address)
    record = await queries.find_address_record(tx, recipient.id, channel, purpose, address_hash)
    said_no = [moment for moment in (record.suppressed_at, record.objected_at) if moment is not None]
    return decide(
        replace(
            facts,
            has_bounced=record.has_bounced,
            objected_at=max(said_no, default=None),
            consent=record.consent(),
            sales=(
                *(Sale(goods=goods, was_noticed=True) for goods in record.noticed),
                *(Sale(goods=goods, was_noticed=False) for goods in record.unnoticed),
            ),
        )
    )


def decide(facts: Facts) -> Verdict:
    """Return whether the message may be sent, by the first rule that says so."""
    hindered = _hindrance(facts)
    if hindered is not None:
        return hindered
    if facts.purpose not in ADVERTISING:
        return Verdict(is_allowed=True, ground="service_message", norm=_SERVICE)
    return _decide_advertising(facts)


def _hindrance(facts: Facts) -> Verdict | None:
    """Return what forbids every message, whatever it says."""
    if not facts.is_active:
        return Verdict(is_allowed=False, ground="organization_not_active")
    if facts.is_restricted:
        return Verdict(is_allowed=False, ground="customer_restricted", norm=_RESTRICTED)
    if not facts.has_address:
        return Verdict(is_allowed=False, ground="address_missing")
    if facts.has_bounced:
        return Verdict(is_allowed=False, ground="address_undeliverable", norm=_ACCURATE)
    return None


def _decide_advertising(facts: Facts) -> Verdict:
    consent, objected_at = facts.consent, facts.objected_at
    if (
        consent is not None
        and _is_proved(consent, facts)
        and (objected_at is None or objected_at < consent.occurred_at)
    ):
        return Verdict(is_allowed=True, ground="consent", norm=_CONSENT)
    if objected_at is not None:
        return Verdict(is_allowed=False, ground="objection", norm=_OBJECTED)
    if consent is not None and consent.state in _ENDED:
        return Verdict(is_allowed=False, ground="consent_withdrawn", norm=_WITHDRAWN)
    unmet = _unmet(facts)
    if not unmet:
        return Verdict(is_allowed=True, ground="existing_customer", norm=_EXISTING)
    return _decide_unproved(consent, unmet)


def _decide_unproved(consent: Consent | None, unmet: tuple[Condition, ...]) -> Verdict:
    """Return what is lacking of the consent, and of the rule that would have done without."""
    if consent is None:
        return Verdict(is_allowed=False, ground="consent_missing", norm=_CONSENT, unmet=unmet)
    if not consent.is_of_address:
        return Verdict(is_allowed=False, ground="consent_for_another_address", norm=_CONSENT, unmet=unmet)
    return Verdict(is_allowed=False, ground="consent_not_confirmed", norm=_PROOF, unmet=unmet)


def _is_proved(consent: Consent, facts: Facts) -> bool:
    """Tell whether there is a consent that can be shown to be this person's: written, or for e-mail by double opt-in."""
    if consent.state in _ENDED or not consent.is_of_address:
        return False
    return consent.source == "written" or (consent.state == "confirmed" and facts.channel == "email")


def _unmet(facts: Facts) -> tuple[Condition, ...]:
    """Return which conditions of section 7(3) UWG are not met; one and the same sale must meet no. 1, 2 and 4."""
    of_similar = [sale for sale in facts.sales if sale.goods in SIMILAR.get(facts.purpose, ())]
    met: dict[Condition, bool] = {
        "sale": bool(facts.sales),
        "similar_goods": bool(of_similar),
        "notice_at_collection": any(sale.was_noticed for sale in of_similar),
        "notice_in_message": facts.gives_notice,
    }
    return tuple(condition for condition, is_met in met.items() if not is_met)
