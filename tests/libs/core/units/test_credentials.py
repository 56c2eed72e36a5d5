"""Credentials: one form, one organisation, nothing but a hash to keep."""

import string
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbot_core.credentials import Credential

SECRETS = st.text(string.ascii_letters + string.digits + "_-", min_size=43, max_size=43)
PREFIXES = st.sampled_from(["pk", "cb_live", "inv", "rt"])


@given(PREFIXES, st.uuids(), st.uuids(), SECRETS)
def test_round_trip(prefix: str, organization_id: UUID, credential_id: UUID, secret: str) -> None:
    credential = Credential(prefix, organization_id, credential_id, secret)
    assert Credential.parse(str(credential), prefix) == credential
    assert Credential.parse(str(credential), f"{prefix}x") is None


@given(st.text(max_size=200))
def test_other_texts_are_none(text: str) -> None:
    assert Credential.parse(text, "pk") is None


def changed() -> list[str]:
    good = str(Credential("pk", UUID(int=1), UUID(int=2), "s" * 43))
    return [
        good + "\n",
        "\n" + good,
        good + " ",
        good[:-1],
        good + "a",
        good.upper(),
        good.replace("pk_", "pk__", 1),
        good.replace("pk_", "_pk_", 1),
        good[:-1] + "+",
        good[:-1] + "ä",
        good[:5] + "g" + good[6:],
        good + good,
    ]


@pytest.mark.parametrize("text", changed())
def test_changed_one_is_none(text: str) -> None:
    assert Credential.parse(text, "pk") is None


def test_proves_its_own_hash_alone() -> None:
    first, second = (Credential.mint("pk", uuid4(), uuid4()) for _ in range(2))
    assert first.proves(first.hash())
    assert not first.proves(second.hash())
    assert not first.proves("")
    assert not first.proves(first.secret)
    assert len(first.hash()) == 64
    assert first.secret not in first.hash()


def test_minted_ones_differ() -> None:
    organization_id, credential_id = uuid4(), uuid4()
    assert len({Credential.mint("pk", organization_id, credential_id).secret for _ in range(100)}) == 100
