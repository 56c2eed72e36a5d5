# ruff: noqa: RUF001 - Turkish has an i without a dot
"""Letters: a wording, filled in for a customer, in plain text and in HTML.

Wordings are texts with names to fill in and nothing else: what a customer is called is never read as one, nor as HTML.
"""

from collections.abc import Mapping
from html import escape
from string import Template
from typing import Final
from uuid import UUID

from carbot_core.mail import Letter, write_page
from carbot_crm.send_gate.models import Language, Recipient
from carbot_crm.templates.models import PLACEHOLDERS

NOTICES: Final[Mapping[Language, str]] = {
    "de": "Sie erhalten diese Nachricht von {sender}. Sie können der Verwendung Ihrer Adresse für Werbung jederzeit "
    "widersprechen, ohne dass hierfür andere als die Übermittlungskosten nach den Basistarifen entstehen:",
    "en": "You receive this message from {sender}. You may object to the use of your address for advertising at any time, "
    "at no other cost than that of transmission at basic rates:",
    "tr": "Bu mesajı {sender} göndermiştir. Adresinizin reklam amacıyla kullanılmasına istediğiniz zaman itiraz edebilirsiniz; "
    "bunun için temel tarifeye göre iletim ücreti dışında bir ücret alınmaz:",
    "pl": "Tę wiadomość wysyła {sender}. W każdej chwili można sprzeciwić się wykorzystywaniu adresu do celów reklamowych, bez "
    "kosztów innych niż koszty przesłania według taryfy podstawowej:",
}
"""What each advertisement must say (section 7(3) no. 4 UWG)."""


def unknown_placeholders(text: str) -> set[str] | None:
    """Return the names in a wording that nothing is filled in for; None if a dollar sign stands for nothing."""
    template = Template(text)
    return set(template.get_identifiers()) - PLACEHOLDERS if template.is_valid() else None


def fill(text: str, recipient: Recipient, about: Mapping[str, str]) -> str:
    """Return the wording with the customer's names; what is not known is left out."""
    values = {
        "name": recipient.company or " ".join(filter(None, (recipient.first_name, recipient.last_name))),
        "first_name": recipient.first_name,
        "last_name": recipient.last_name,
        "company": recipient.company,
        "workshop": recipient.workshop_name or recipient.organization_name,
        "organization": recipient.organization_name,
        **about,
    }
    return Template(text).substitute({name: values.get(name) or "" for name in PLACEHOLDERS})


def fill_subject(text: str, recipient: Recipient, about: Mapping[str, str]) -> str:
    """Return the subject, in one line."""
    return " ".join(fill(text, recipient, about).split())


def write_letter(
    letter_id: UUID, *, to: str, subject: str, body: str, language: Language, sender: str, unsubscribe: str | None
) -> Letter:
    """Return a letter; with the address of a link to object by it says so, and its header offers it (RFC 2369, RFC 8058)."""
    paragraphs = [paragraph.strip("\n") for paragraph in body.split("\n\n") if paragraph.strip()]
    html = [f"<p>{escape(paragraph).replace('\n', '<br>')}</p>" for paragraph in paragraphs]
    headers: dict[str, str] = {}
    if unsubscribe is not None:
        notice = NOTICES[language].format(sender=sender)
        paragraphs += [f"{notice}\n{unsubscribe}"]
        html += [f'<p>{escape(notice)}<br><a href="{escape(unsubscribe)}">{escape(unsubscribe)}</a></p>']
        headers = {"List-Unsubscribe": f"<{unsubscribe}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    return Letter(
        to=to,
        subject=subject,
        text="\n\n".join(paragraphs) + "\n",
        html=write_page(subject, html, language=language),
        sender_name=sender,
        headers=headers,
        id=letter_id,
    )
