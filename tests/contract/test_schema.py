"""schema.sql is what the migrations make: whoever changes one sees the other in the diff."""

import pytest
from catalogue_data import SCHEMAS

from carbot_testing.data_plane import DataPlane
from carbot_testing.schema import dump, files


@pytest.mark.parametrize("schema", SCHEMAS)
async def test_page_is_what_the_migrations_make(schema: str, plane: DataPlane, migrated: str) -> None:
    # `make snapshots` writes it.
    assert files()[schema].read_text().splitlines() == (await dump(plane, migrated, schema)).splitlines()
