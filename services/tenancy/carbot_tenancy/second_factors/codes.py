"""Codes: time-based ones (RFC 6238), and recovery codes of 120 random bits, of which a fast hash is stored."""

import hashlib
import hmac
import re
import secrets
from base64 import b32encode
from datetime import datetime

import pyotp
from pyotp.totp import TOTP

ISSUER = "CarBot"
STEP_SECONDS = 30
RECOVERY_CODES = 10
_DRIFT_STEPS = (0, -1, 1)
_RECOVERY_BYTES = 15
_GROUP = 6


def new_secret() -> str:
    """Return 160 random bits in base32, as RFC 4226 recommends."""
    return pyotp.random_base32(32)


def uri_of(secret: str, email: str) -> str:
    """Return what a QR code for an authenticator app says."""
    return TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER)


def step_of(secret: str, code: str, now: datetime) -> int | None:
    """Return the time step that the code is of, now or one step off; None if it is of none of these."""
    totp = TOTP(secret)
    current = int(now.timestamp()) // STEP_SECONDS
    matching = [
        current + drift for drift in _DRIFT_STEPS if hmac.compare_digest(totp.generate_otp(current + drift), code)
    ]
    return matching[0] if matching else None


def new_recovery_codes() -> list[str]:
    """Return ten codes in groups that can be typed."""
    texts = [b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode() for _ in range(RECOVERY_CODES)]
    return ["-".join(re.findall(f".{{{_GROUP}}}", text)) for text in texts]


def hash_of(recovery_code: str) -> str:
    """Return what is stored of a recovery code, however it was typed."""
    return hashlib.sha256(re.sub(r"[ -]", "", recovery_code).upper().encode()).hexdigest()
