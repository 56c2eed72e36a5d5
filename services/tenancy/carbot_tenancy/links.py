"""Links in mails: the tokens that they carry."""

from carbot_core.errors import Invalid

VERIFICATION = "vrf"
INVITATION = "inv"


class TokenNotValid(Invalid):
    """The link is not valid: it is wrong, was used before, or has expired."""
