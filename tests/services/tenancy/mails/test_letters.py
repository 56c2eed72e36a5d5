"""What letters say, and that nothing in them says more."""

import string
from html.parser import HTMLParser
from typing import Any, get_args, override

import pytest

from carbot_core.mail import Letter, Mailer
from carbot_tenancy.fields import Locale
from carbot_tenancy.mails.letters import write_letter
from carbot_tenancy.mails.models import Contents, LetterName
from carbot_tenancy.mails.wordings import LINK, WORDINGS
from carbot_testing.founding import new_email
from carbot_testing.mailbox import Mailbox

PUBLIC_URL = "https://app.carbot.test/"
HARMLESS = "Anna"
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src="https://evil.example/p.png" onerror=alert(1)>',
    "</p></body><a href='https://evil.example'>x</a>",
    "&lt;b&gt;{link}{0}{name.__class__}%s",
    "Anna\r\nBcc: eve@example.org\r\n\r\n<b>",
)

each_letter = pytest.mark.parametrize(("letter", "locale"), list(WORDINGS), ids=str)


class Page(HTMLParser):
    """What an HTML page consists of."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.paragraphs: list[str] = []
        self.feed(html)
        self.close()

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, attrs))
        if tag == "p":
            self.paragraphs.append("")

    @override
    def handle_data(self, data: str) -> None:
        if self.paragraphs:
            self.paragraphs[-1] += data


def write(letter: LetterName, locale: Locale, word: str, path: str = "/there?token=a&b=<c>") -> Letter:
    wording = WORDINGS[letter, locale]
    names = {
        name for text in wording.paragraphs if text != LINK for _, name, *_ in string.Formatter().parse(text) if name
    }
    words = dict.fromkeys(names, word)
    contents = Contents(letter=letter, words=words, path=path)
    return write_letter(contents, to="a@example.org", locale=locale, public_url=PUBLIC_URL)


class TestWordings:
    def test_are_there_in_every_language(self) -> None:
        names, locales = get_args(LetterName), get_args(Locale)
        assert set(WORDINGS) == {(name, locale) for name in names for locale in locales}

    @each_letter
    def test_name_their_link_and_put_no_words_into_the_subject(self, letter: LetterName, locale: Locale) -> None:
        wording = WORDINGS[letter, locale]
        assert wording.paragraphs.count(LINK) == (0 if wording.label is None else 1)
        assert "{" not in wording.subject
        assert "{" not in (wording.label or "")


class TestWriteLetter:
    @each_letter
    def test_says_the_same_in_text_and_html(self, letter: LetterName, locale: Locale) -> None:
        written = write(letter, locale, HARMLESS)
        page, label = Page(written.html), WORDINGS[letter, locale].label
        said = [LINK if each.startswith("https://") else each for each in written.text.strip().split("\n\n")]
        assert [each.strip() for each in page.paragraphs] == [label if each == LINK else each for each in said]
        assert ("html", [("lang", locale)]) in page.elements
        assert f"<title>{written.subject}</title>" in written.html

    @each_letter
    def test_links_to_our_own_place_alone_and_fetches_nothing(self, letter: LetterName, locale: Locale) -> None:
        written = write(letter, locale, HARMLESS)
        link = "https://app.carbot.test/there?token=a&b=<c>"
        links = [("a", [("href", link)])] if WORDINGS[letter, locale].label else []
        page = Page(written.html)
        assert [each for each in page.elements if each[0] == "a"] == links
        assert {tag for tag, _ in page.elements} <= {"html", "head", "meta", "title", "body", "p", "a"}
        assert written.text.count(link) == len(links)

    @each_letter
    @pytest.mark.parametrize("word", HOSTILE)
    def test_lets_no_word_become_markup(self, letter: LetterName, locale: Locale, word: str) -> None:
        harmless, hostile = write(letter, locale, HARMLESS), write(letter, locale, word)
        assert Page(hostile.html).elements == Page(harmless.html).elements
        assert hostile.subject == harmless.subject
        assert hostile.text == harmless.text.replace(HARMLESS, word)


class TestMailer:
    @pytest.mark.parametrize("word", HOSTILE)
    async def test_sends_both_forms_under_the_same_headers_whatever_the_words(
        self, mailbox: Mailbox, word: str
    ) -> None:
        to = new_email("letter")
        written = write("verify_email", "de", word)
        await Mailer(mailbox.url, "CarBot <noreply@carbot.test>").send(
            Letter(to, written.subject, written.text, written.html)
        )
        mail = await mailbox.wait_for(to)
        assert sorted(name.lower() for name in mail) == sorted(
            ["from", "to", "subject", "date", "message-id", "auto-submitted", "mime-version", "content-type"]
        )
        assert (mail["to"], mail["subject"]) == (to, "Bitte bestätigen Sie Ihre E-Mail-Adresse")
        parts: list[Any] = list(mail.iter_parts())
        assert mail.get_content_type() == "multipart/alternative"
        assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]
        assert parts[1].get_content().splitlines() == written.html.splitlines()

    @pytest.mark.parametrize(
        "spoiled", [{"to": "a@b.de\nBcc: eve@example.org"}, {"subject": "Hello\r\nBcc: eve@example.org"}]
    )
    async def test_sends_nothing_with_a_line_break_in_a_header(self, mailbox: Mailbox, spoiled: dict[str, str]) -> None:
        given = {"to": new_email("header"), "subject": "Hello", **spoiled}
        letter = Letter(given["to"], given["subject"], "x", "<p>x</p>")
        with pytest.raises(ValueError, match="Header"):
            await Mailer(mailbox.url, "noreply@carbot.test").send(letter)
        assert mailbox.to("eve@example.org") == []
