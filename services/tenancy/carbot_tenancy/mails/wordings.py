"""What the letters say, in each language; {name} and the like are filled in."""

from typing import NamedTuple

from carbot_tenancy.fields import Locale
from carbot_tenancy.mails.models import LetterName

LINK = "{link}"
"""The paragraph that is the link."""


class Wording(NamedTuple):
    """A letter in one language. The subject has no words to fill in: it becomes a header."""

    subject: str
    paragraphs: tuple[str, ...]
    label: str | None = None
    """What the link is called, in a letter that has one."""


WORDINGS: dict[tuple[LetterName, Locale], Wording] = {
    ("verify_email", "de"): Wording(
        "Bitte bestätigen Sie Ihre E-Mail-Adresse",
        (
            "Guten Tag {name},",
            "Sie haben {organization} bei CarBot angemeldet. Bitte bestätigen Sie Ihre E-Mail-Adresse:",
            LINK,
            "Der Link gilt 72 Stunden. Wenn Sie niemanden angemeldet haben, brauchen Sie nichts zu tun.",
        ),
        "E-Mail-Adresse bestätigen",
    ),
    ("verify_email", "en"): Wording(
        "Please confirm your e-mail address",
        (
            "Hello {name},",
            "You have registered {organization} with CarBot. Please confirm your e-mail address:",
            LINK,
            "The link is valid for 72 hours. If you have not registered, there is nothing to do.",
        ),
        "Confirm e-mail address",
    ),
    ("address_known", "de"): Wording(
        "Sie haben schon ein Konto",
        (
            "Guten Tag,",
            (
                "jemand wollte mit dieser E-Mail-Adresse ein neues Konto bei CarBot anlegen. Sie haben schon eines: bitte melden"
                " Sie sich an."
            ),
            LINK,
            "Wenn Sie das nicht waren, brauchen Sie nichts zu tun.",
        ),
        "Bei CarBot anmelden",
    ),
    ("address_known", "en"): Wording(
        "You already have an account",
        (
            "Hello,",
            "Somebody wanted to open a new CarBot account with this e-mail address. You already have one: please sign in.",
            LINK,
            "If this was not you, there is nothing to do.",
        ),
        "Sign in to CarBot",
    ),
    ("invitation", "de"): Wording(
        "Einladung zu CarBot",
        (
            "Guten Tag,",
            "{organization} lädt Sie ein, bei CarBot mitzuarbeiten. So nehmen Sie an:",
            LINK,
            "Der Link gilt bis {expires_at}. Wenn Sie nichts damit anfangen können, brauchen Sie nichts zu tun.",
        ),
        "Einladung annehmen",
    ),
    ("invitation", "en"): Wording(
        "Invitation to CarBot",
        (
            "Hello,",
            "{organization} invites you to work together on CarBot. To accept:",
            LINK,
            "The link is valid until {expires_at}. If this means nothing to you, there is nothing to do.",
        ),
        "Accept the invitation",
    ),
    ("password_reset", "de"): Wording(
        "Neues Passwort für CarBot",
        (
            "Guten Tag {name},",
            "für Ihr Konto bei CarBot wurde ein neues Passwort angefordert. Hier legen Sie es fest:",
            LINK,
            (
                "Der Link gilt eine Stunde und nur einmal. Wenn Sie kein neues Passwort angefordert haben, brauchen Sie nichts"
                " zu tun: Ihr bisheriges gilt weiter."
            ),
        ),
        "Neues Passwort festlegen",
    ),
    ("password_reset", "en"): Wording(
        "A new password for CarBot",
        (
            "Hello {name},",
            "Somebody asked for a new password for your CarBot account. To choose it:",
            LINK,
            (
                "The link is valid for one hour and works once. If you have not asked for it, there is nothing to do: your"
                " password stays as it is."
            ),
        ),
        "Choose a new password",
    ),
    ("password_changed", "de"): Wording(
        "Ihr Passwort wurde geändert",
        (
            "Guten Tag {name},",
            "das Passwort Ihres Kontos bei CarBot wurde geändert. Alle anderen Geräte wurden abgemeldet.",
            (
                "Wenn Sie das waren, brauchen Sie nichts zu tun. Wenn nicht, legen Sie bitte sofort ein neues Passwort fest und"
                " verständigen Sie die Person, die CarBot in Ihrem Betrieb verwaltet:"
            ),
            LINK,
        ),
        "Passwort zurücksetzen",
    ),
    ("password_changed", "en"): Wording(
        "Your password has been changed",
        (
            "Hello {name},",
            "The password of your CarBot account has been changed. All other devices have been signed out.",
            (
                "If this was you, there is nothing to do. If not, please choose a new password at once and tell whoever"
                " administers CarBot in your company:"
            ),
            LINK,
        ),
        "Reset the password",
    ),
    ("email_change_requested", "de"): Wording(
        "Ihre E-Mail-Adresse soll geändert werden",
        (
            "Guten Tag {name},",
            (
                "für Ihr Konto bei CarBot soll künftig eine andere E-Mail-Adresse gelten. Das geschieht erst, wenn sie über den"
                " Link bestätigt wird, den wir dorthin geschickt haben."
            ),
            (
                "Wenn Sie das waren, brauchen Sie hier nichts zu tun. Wenn nicht, kennt jemand Ihr Passwort: Legen Sie bitte"
                " sofort ein neues fest."
            ),
            LINK,
        ),
        "Passwort zurücksetzen",
    ),
    ("email_change_requested", "en"): Wording(
        "Your e-mail address is to be changed",
        (
            "Hello {name},",
            (
                "Your CarBot account is to have another e-mail address. This happens only when it is confirmed by the link that"
                " we have sent there."
            ),
            (
                "If this was you, there is nothing to do here. If not, somebody knows your password: please choose a new one at"
                " once."
            ),
            LINK,
        ),
        "Reset the password",
    ),
    ("confirm_email", "de"): Wording(
        "Bitte bestätigen Sie Ihre neue E-Mail-Adresse",
        (
            "Guten Tag {name},",
            "diese E-Mail-Adresse soll künftig für Ihr Konto bei CarBot gelten. Bitte bestätigen Sie sie:",
            LINK,
            "Der Link gilt eine Stunde und nur einmal. Wenn Sie kein Konto bei CarBot haben, brauchen Sie nichts zu tun.",
        ),
        "Neue E-Mail-Adresse bestätigen",
    ),
    ("confirm_email", "en"): Wording(
        "Please confirm your new e-mail address",
        (
            "Hello {name},",
            "This e-mail address is to become that of your CarBot account. Please confirm it:",
            LINK,
            "The link is valid for one hour and works once. If you have no CarBot account, there is nothing to do.",
        ),
        "Confirm the new e-mail address",
    ),
    ("email_changed", "de"): Wording(
        "Ihre E-Mail-Adresse wurde geändert",
        (
            "Guten Tag {name},",
            (
                "für Ihr Konto bei CarBot gilt jetzt die E-Mail-Adresse {new_email}. Mit der Adresse, an die wir Ihnen hier"
                " schreiben, können Sie sich nicht mehr anmelden."
            ),
            (
                "Wenn Sie das nicht waren, verständigen Sie bitte sofort die Person, die CarBot in Ihrem Betrieb verwaltet: Sie"
                " kann das Konto sperren."
            ),
        ),
    ),
    ("email_changed", "en"): Wording(
        "Your e-mail address has been changed",
        (
            "Hello {name},",
            (
                "The e-mail address of your CarBot account is now {new_email}. You can no longer sign in with the address that"
                " this mail was sent to."
            ),
            (
                "If this was not you, please tell whoever administers CarBot in your company at once: they can deactivate the"
                " account."
            ),
        ),
    ),
    ("second_factor_on", "de"): Wording(
        "Die Zwei-Faktor-Anmeldung ist eingeschaltet",
        (
            "Guten Tag {name},",
            (
                "die Anmeldung bei Ihrem Konto bei CarBot verlangt jetzt zusätzlich zum Passwort einen Code aus Ihrer"
                " Authenticator-App. Bewahren Sie die Wiederherstellungscodes sicher auf."
            ),
            "Wenn Sie das nicht waren, verständigen Sie bitte sofort die Person, die CarBot in Ihrem Betrieb verwaltet.",
        ),
    ),
    ("second_factor_on", "en"): Wording(
        "Two-factor sign-in has been switched on",
        (
            "Hello {name},",
            (
                "Signing in to your CarBot account now takes a code from your authenticator app beside the password. Keep the"
                " recovery codes in a safe place."
            ),
            "If this was not you, please tell whoever administers CarBot in your company at once.",
        ),
    ),
    ("second_factor_off", "de"): Wording(
        "Die Zwei-Faktor-Anmeldung ist ausgeschaltet",
        (
            "Guten Tag {name},",
            "die Anmeldung bei Ihrem Konto bei CarBot verlangt jetzt nur noch das Passwort und keinen Code mehr.",
            (
                "Wenn Sie das nicht waren, legen Sie bitte sofort ein neues Passwort fest und schalten Sie die"
                " Zwei-Faktor-Anmeldung wieder ein:"
            ),
            LINK,
        ),
        "Passwort zurücksetzen",
    ),
    ("second_factor_off", "en"): Wording(
        "Two-factor sign-in has been switched off",
        (
            "Hello {name},",
            "Signing in to your CarBot account now takes the password alone, and no code.",
            "If this was not you, please choose a new password at once and switch two-factor sign-in on again:",
            LINK,
        ),
        "Reset the password",
    ),
    ("webhook_disabled", "de"): Wording(
        "Ein Webhook wurde abgeschaltet",
        (
            "Guten Tag,",
            (
                "einer Ihrer Webhooks hat einen Tag lang keine Zustellung angenommen. CarBot ruft ihn nicht mehr auf. Was nicht"
                " zugestellt wurde, können Sie erneut senden, sobald Sie ihn wieder einschalten:"
            ),
            LINK,
        ),
        "Webhook ansehen",
    ),
    ("webhook_disabled", "en"): Wording(
        "A webhook has been switched off",
        (
            "Hello,",
            (
                "One of your webhooks has taken no delivery for a day. CarBot calls it no more. What was not delivered can be sent"
                " again once you have switched it on:"
            ),
            LINK,
        ),
        "See the webhook",
    ),
}
