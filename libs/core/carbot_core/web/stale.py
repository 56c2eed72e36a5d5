"""Reads that bear staleness."""

from typing import Any, Final

MAY_BE_STALE: Final[dict[str, Any]] = {"may_be_stale": True}
"""As a route's `opt`: it may read from a replica that has replayed the caller's own last write."""
