"""What visitors are told before they write, in their language."""

from collections.abc import Mapping
from typing import Final

from carbot_crm.chat.models import Language

AI_NOTICE_VERSION: Final = "1"
AI_NOTICES: Final[Mapping[Language, str]] = {
    "de": (
        "Sie schreiben mit einem automatischen Assistenten (künstliche Intelligenz), nicht mit einem Menschen."
        " Schreiben Sie „Mitarbeiter“, wenn ein Mensch antworten soll."
    ),
    "en": (
        "You are writing with an automated assistant (artificial intelligence), not with a person."
        " Write “staff” if a person should answer."
    ),
    "tr": (
        "Bir insanla değil, otomatik bir asistanla (yapay zekâ) yazışıyorsunuz."
        " Bir insanın yanıtlamasını isterseniz “çalışan” yazın."
    ),
    "pl": (
        "Piszesz z automatycznym asystentem (sztuczna inteligencja), a nie z człowiekiem."
        " Napisz „pracownik”, jeśli ma odpowiedzieć człowiek."
    ),
}
"""Art. 50(1) of Regulation (EU) 2024/1689: whoever talks to an AI is told so, before the first message."""
