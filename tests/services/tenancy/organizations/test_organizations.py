"""The organisation's own name in addresses."""

import pytest

from carbot_tenancy.organizations.actions import slug_of


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
