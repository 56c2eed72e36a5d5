"""The organisation, and its end."""

from collections.abc import Callable
from typing import Any

import pytest

from carbot_tenancy.organizations.actions import slug_of
from carbot_testing.founding import TENANCY, Founder


class TestCloseOrganization:
    async def test_refuses_every_token_and_sign_in(self, founder: Founder, eventually: Callable[..., Any]) -> None:
        owner = await founder.found()
        viewer = await founder.join(owner, "viewer")
        close = f"{TENANCY}/organizations/current/close"
        assert (await viewer.client.post(close, json={})).status_code == 403
        answer = await owner.client.post(close, json={})
        assert (answer.status_code, answer.json()["status"], answer.headers["etag"]) == (202, "closing", '"2"')

        async def refused() -> bool:
            return (await viewer.client.get(f"{TENANCY}/workshops")).status_code == 401

        assert await eventually(refused)
        for refusal in (await founder.login(viewer.email), await founder.refresh(viewer.refresh_token)):
            assert (refusal.status_code, refusal.json()["code"]) == (403, "organization_closing")


class TestSlug:
    @pytest.mark.parametrize(
        ("name", "slug"),
        [
            ("Autohaus Müller & Söhne GmbH", "autohaus-mueller-soehne-gmbh"),
            ("Groß e.K.", "gross-e-k"),
            ("Café Électrique", "cafe-electrique"),
            ("汽车", "werkstatt"),
            ("x" * 200, "x" * 48),
        ],
    )
    def test_is_made_of_the_letters_of_an_address(self, name: str, slug: str) -> None:
        assert slug_of(name) == slug
