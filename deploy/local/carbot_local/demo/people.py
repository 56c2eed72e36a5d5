"""The people, cars and words of the demo. None of them exists; the phone numbers are those set aside for films."""

# Turkish has a dotless i.
# ruff: noqa: RUF001

import random
from collections.abc import Iterator

import msgspec

SEED = 20_260_101
LANGUAGES = ("de", "de", "de", "de", "en", "tr", "pl")
HAS_EMAIL = range(7)


class Inquiry(msgspec.Struct, frozen=True):
    """What one person writes to a workshop."""

    name: str
    phone: str
    email: str | None
    request: str
    vehicle: str
    language: str
    communication: bool


FIRST_NAMES = {
    "de": ("Anna", "Bernd", "Claudia", "Dieter", "Eva", "Frank", "Greta", "Holger", "Ines", "Jörg", "Käthe", "Lukas"),
    "en": ("Alice", "Brian", "Catherine", "David", "Emily", "George"),
    "tr": ("Ayşe", "Burak", "Çiğdem", "Emre", "Fatma", "Özgür"),
    "pl": ("Agnieszka", "Bartosz", "Dorota", "Łukasz", "Małgorzata", "Paweł"),
}
LAST_NAMES = {
    "de": ("Müller", "Schröder", "Weiß", "Jäger", "Böhm", "Krüger", "Löffler", "Groß", "Hübner", "von der Heide"),
    "en": ("Baker", "Cooper", "Mason", "O'Neill", "Taylor", "Wright"),
    "tr": ("Yılmaz", "Öztürk", "Şahin", "Çelik", "Aydın", "Doğan"),
    "pl": ("Kowalczyk", "Wiśniewska", "Wójcik", "Zieliński", "Dąbrowski", "Szymańska"),
}
CARS = (
    "VW Golf VII 1.6 TDI",
    "VW Caddy",
    "Opel Corsa E",
    "Ford Focus Turnier",
    "BMW 320d Touring",
    "Audi A4 Avant",
    "Mercedes-Benz C 200",
    "Škoda Octavia Combi",
    "Renault Clio",
    "Toyota Yaris Hybrid",
    "Fiat 500",
    "Tesla Model 3",
)
DISTRICTS = ("B", "HH", "HL", "KI", "HRO", "M", "LÖ", "S", "K", "WÜ")
REQUESTS = {
    "de": (
        "Guten Tag, mein Auto ({car}) muss nächsten Monat zur HU. Haben Sie noch einen Termin frei?",
        "Beim Bremsen quietscht es vorne rechts. Was kosten neue Bremsbeläge für einen {car} ungefähr?",
        "Ich möchte die Winterräder montieren und die Sommerräder einlagern lassen. Fahrzeug: {car}.",
        "Seit gestern leuchtet die Motorkontrollleuchte, der Wagen ({car}) ruckelt. Kann ich heute noch vorbeikommen?",
        "Parkschaden hinten links am {car}, Stoßfänger verkratzt. Machen Sie auch Smart Repair?",
        "Inspektion nach Herstellervorgabe für einen {car}, bitte mit Kostenvoranschlag und Leihwagen.",
        "Die Klimaanlage kühlt nicht mehr. {car}. Morgens ginge es bei mir am besten.",
    ),
    "en": (
        "Hello, the engine warning light of my {car} came on yesterday. Could you have a look this week?",
        "I need a full service for my {car}. How much would that be, and do you have a courtesy car?",
        "There is a grinding noise from the rear wheels of my {car}. Is it safe to drive?",
        "My {car} needs its inspection (HU) soon. Which dates do you have?",
    ),
    "tr": (
        "Merhaba, {car} aracımın frenlerinden ses geliyor. Ne zaman getirebilirim?",
        "İyi günler, {car} için kış lastiği değişimi yapıyor musunuz? Fiyatı ne kadar?",
        "Aracımın ({car}) muayenesi gelecek ay doluyor. Randevu almak istiyorum.",
        "Klima çalışmıyor, {car}. Cumartesi açık mısınız?",
    ),
    "pl": (
        "Dzień dobry, chciałbym umówić przegląd samochodu {car}. Ile to będzie kosztować?",
        "W moim {car} świeci się kontrolka silnika. Czy mogę przyjechać jutro rano?",
        "Potrzebuję wymiany opon na zimowe, samochód: {car}. Jakie mają Państwo wolne terminy?",
        "Po stłuczce mam uszkodzony zderzak w {car}. Czy robią Państwo wycenę dla ubezpieczyciela?",
    ),
}


def inquiries(count: int) -> Iterator[Inquiry]:
    """Write the same inquiries on every machine, at most 200: each has a phone number of its own."""
    dice = random.Random(SEED)  # noqa: S311 - the same on every machine is the purpose
    phones = [f"+49171392{number:04d}" for number in range(100)] + [
        f"+49176040690{number:02d}" for number in range(100)
    ]
    for phone in phones[:count]:
        language = dice.choice(LANGUAGES)
        first, last = dice.choice(FIRST_NAMES[language]), dice.choice(LAST_NAMES[language])
        car = dice.choice(CARS)
        letters = "".join(dice.choices("ABCEFGHJKLMNPRTUVWXY", k=2))
        plate = f"{dice.choice(DISTRICTS)}-{letters} {dice.randrange(10, 9999)}"
        yield Inquiry(
            name=f"{first} {last}",
            phone=phone,
            email=f"kunde{phone[-6:]}@post.example" if dice.randrange(10) in HAS_EMAIL else None,
            request=dice.choice(REQUESTS[language]).format(car=car),
            vehicle=f"{car}, {plate}",
            language=language,
            communication=dice.choice((True, False)),
        )
