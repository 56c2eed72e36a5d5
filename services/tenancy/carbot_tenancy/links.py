"""Links in mails: the tokens that they carry."""

from carbot_core.errors import Invalid

VERIFICATION = "vrf"
INVITATION = "inv"
PASSWORD_RESET = "pwr"  # noqa: S105 - the prefix of a token, not a token
EMAIL_CHANGE = "eml"


class TokenNotValid(Invalid):
    """The link is not valid: it is wrong, was used before, or has expired."""
