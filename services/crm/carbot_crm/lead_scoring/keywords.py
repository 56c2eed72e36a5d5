"""Words that tell something, in the four languages of the widget. A word counts wherever one begins with it; umlauts are folded.

From the first version's lists (sofort, dringend, notfall, kaputt, defekt ...; heute, morgen ...), put into en, tr and pl.
"""

import re
import unicodedata
from typing import Final

_MARKS: Final = str.maketrans({"ß": "ss", "ı": "i", "ł": "l"})


def fold(text: str) -> str:
    """Return a text as its words are compared: small letters without accents, ä as a."""
    plain = unicodedata.normalize("NFKD", text.lower().translate(_MARKS))
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def _pattern(words: str) -> re.Pattern[str]:
    return re.compile(r"\b(" + "|".join(re.escape(word) for word in fold(words).split()) + ")")


URGENT: Final = _pattern(
    "sofort dringend notfall kaputt defekt liegengeblieben abgeschleppt unfall panne "
    "urgent emergency broken immediately breakdown accident asap "
    "acil hemen bozuk arızalı kaza "
    "pilne pilnie natychmiast zepsuty awaria wypadek"
)
TIME: Final = _pattern(
    "heute morgen übermorgen diese gleich schnellstmöglich "
    "today tomorrow tonight soon "
    "bugün yarın hızlı "
    "dzisiaj dziś jutro szybko"
)
PURCHASE: Final = _pattern(
    "termin buchen vereinbaren beauftragen angebot kostenvoranschlag bestellen kaufen "
    "appointment book order quote offer buy "
    "randevu teklif sipariş satın "
    "wizyta umówić termin oferta zamówić kupić"
)
SERVICE: Final = _pattern(
    "inspektion wartung ölwechsel reparatur reifen klimaanlage batterie auspuff getriebe service "
    "inspection maintenance oil repair tyre tire battery exhaust gearbox "
    "bakım yağ tamir lastik klima akü egzoz şanzıman "
    "przegląd serwis olej naprawa opony klimatyzacja akumulator wydech skrzynia"
)
HIGH_VALUE: Final = _pattern(
    "tüv hu hauptuntersuchung bremse bremsen motor mot brake brakes engine muayene fren motoru hamulce hamulec silnik"
)
PRICE: Final = _pattern(
    "preis kosten kostet teuer euro price cost much expensive fiyat kaç ücret cena koszt ile kosztuje"
)
POLITE: Final = _pattern(
    "bitte danke dankeschön freundlich please thank thanks kind lütfen teşekkür proszę dziękuję dzięki pozdrawiam"
)
TECHNICAL: Final = _pattern(
    "zahnriemen kupplung bremsscheibe lambdasonde turbolader zylinder stossdämpfer steuergerät kilometer km "
    "clutch turbo cylinder brake timing shock mileage "
    "debriyaj silindir triger amortisör "
    "sprzęgło rozrząd turbina cylinder amortyzator przebieg"
)
QUESTION: Final = _pattern(
    "wann wie was wo warum können kann when how what where why can could nasıl ne nerede kiedy jak co gdzie"
)
VEHICLE: Final = _pattern(
    "vw volkswagen audi bmw mercedes opel ford skoda seat renault peugeot fiat toyota hyundai kia mazda volvo tesla porsche "
    "golf passat polo corsa astra baujahr diesel benziner"
)
PRIVATE_MAIL: Final = frozenset(
    [
        "gmail.com",
        "googlemail.com",
        "gmx.de",
        "gmx.net",
        "web.de",
        "t-online.de",
        "freenet.de",
        "yahoo.com",
        "yahoo.de",
        "hotmail.com",
        "hotmail.de",
        "outlook.com",
        "outlook.de",
        "icloud.com",
        "live.de",
        "aol.com",
        "mail.de",
        "posteo.de",
        "wp.pl",
        "onet.pl",
        "o2.pl",
        "interia.pl",
        "mynet.com",
    ]
)
"""Domains of the big providers: an address elsewhere is taken for a business's."""
