"""What the letters say."""

from typing import NamedTuple

from carbot_core.mail import Letter
from carbot_tenancy.fields import Locale
from carbot_tenancy.mails.models import Contents


class Wording(NamedTuple):
    """A letter in one language; {link} and the contents' words are filled in."""

    subject: str
    text: str


WORDINGS: dict[tuple[str, Locale], Wording] = {
    ("verify_email", "de"): Wording(
        "Bitte bestätigen Sie Ihre E-Mail-Adresse",
        """Guten Tag {name},

Sie haben {organization} bei CarBot angemeldet. Bitte bestätigen Sie Ihre E-Mail-Adresse:

{link}

Der Link gilt 72 Stunden. Wenn Sie niemanden angemeldet haben, brauchen Sie nichts zu tun.
""",
    ),
    ("verify_email", "en"): Wording(
        "Please confirm your e-mail address",
        """Hello {name},

You have registered {organization} with CarBot. Please confirm your e-mail address:

{link}

The link is valid for 72 hours. If you have not registered, there is nothing to do.
""",
    ),
    ("address_known", "de"): Wording(
        "Sie haben schon ein Konto",
        """Guten Tag,

jemand wollte mit dieser E-Mail-Adresse ein neues Konto bei CarBot anlegen. Sie haben schon eines: bitte melden Sie sich an.

{link}

Wenn Sie das nicht waren, brauchen Sie nichts zu tun.
""",
    ),
    ("address_known", "en"): Wording(
        "You already have an account",
        """Hello,

Somebody wanted to open a new CarBot account with this e-mail address. You already have one: please sign in.

{link}

If this was not you, there is nothing to do.
""",
    ),
    ("invitation", "de"): Wording(
        "Einladung zu CarBot",
        """Guten Tag,

{organization} lädt Sie ein, bei CarBot mitzuarbeiten. So nehmen Sie an:

{link}

Der Link gilt bis {expires_at}. Wenn Sie nichts damit anfangen können, brauchen Sie nichts zu tun.
""",
    ),
    ("invitation", "en"): Wording(
        "Invitation to CarBot",
        """Hello,

{organization} invites you to work together on CarBot. To accept:

{link}

The link is valid until {expires_at}. If this means nothing to you, there is nothing to do.
""",
    ),
}


def write_letter(contents: Contents, *, to: str, locale: Locale, public_url: str) -> Letter:
    """Return the letter in the reader's language."""
    wording = WORDINGS[contents.letter, locale]
    link = public_url.rstrip("/") + contents.path
    return Letter(to=to, subject=wording.subject, text=wording.text.format(**contents.words, link=link))
