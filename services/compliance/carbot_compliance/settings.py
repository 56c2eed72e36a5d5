"""Settings of compliance."""

from typing import Annotated

import msgspec

from carbot_core.settings import Base64Key, Settings

PrivateKeys = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[^:,]+:[A-Za-z0-9+/]{43}=(,[^:,]+:[A-Za-z0-9+/]{43}=)*$",
        description="X25519 private keys as kid:base64,kid:base64, the newest last",
    ),
]


class ComplianceSettings(Settings, frozen=True, kw_only=True):
    """What compliance needs to know beside the others."""

    key_encryption_key: Base64Key
    """Wraps the keys of data subjects."""
    audit_private_keys: PrivateKeys = ""
    """Open what the other services seal; the worker alone has them."""
