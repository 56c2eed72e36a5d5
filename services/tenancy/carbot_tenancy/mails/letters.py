"""Letters: a wording, made into plain text and into HTML."""

from html import escape

from carbot_core.mail import Letter, write_page
from carbot_tenancy.fields import Locale
from carbot_tenancy.mails.models import Contents
from carbot_tenancy.mails.wordings import LINK, WORDINGS


def write_letter(contents: Contents, *, to: str, locale: Locale, public_url: str) -> Letter:
    """Return the letter in the reader's language."""
    wording = WORDINGS[contents.letter, locale]
    link = public_url.rstrip("/") + (contents.path or "/")
    text: list[str] = []
    html: list[str] = []
    for paragraph in wording.paragraphs:
        if paragraph == LINK:
            text.append(link)
            html.append(f'<p><a href="{escape(link)}">{escape(wording.label or link)}</a></p>')
        else:
            filled = paragraph.format(**contents.words)
            text.append(filled)
            html.append(f"<p>{escape(filled)}</p>")
    return Letter(
        to=to,
        subject=wording.subject,
        text="\n\n".join(text) + "\n",
        html=write_page(wording.subject, html, language=locale),
    )
