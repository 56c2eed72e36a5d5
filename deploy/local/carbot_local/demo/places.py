"""The demo's organisations, their workshops and their people. None of them exists."""

# Turkish has a dotless i.
# ruff: noqa: RUF001

import msgspec

PASSWORD = "Hebebuehne-7-frei!"  # noqa: S105 - of people who do not exist


class Workshop(msgspec.Struct, frozen=True):
    """A workshop before it is created."""

    name: str
    slug: str
    address: str
    postal_code: str
    city: str
    latitude: float
    longitude: float
    phone: str
    origin: str
    leads: int
    business_type: str = "independent"


class Person(msgspec.Struct, frozen=True):
    """A person before the invitation; `workshops` are places in the organisation's list, none means all."""

    name: str
    email: str
    role: str
    workshops: tuple[int, ...] = ()


class Organization(msgspec.Struct, frozen=True):
    """An organisation before it registers. The first of its people is the owner."""

    legal_name: str
    legal_form: str
    people: tuple[Person, ...]
    workshops: tuple[Workshop, ...]


NORTH = "https://www.autohaus-nordlicht.example"

ORGANIZATIONS = (
    Organization(
        legal_name="Kfz-Werkstatt Brandt GmbH",
        legal_form="gmbh",
        people=(
            Person("Sabine Brandt", "sabine.brandt@kfz-brandt.example", "owner"),
            Person("Timo Reuter", "timo.reuter@kfz-brandt.example", "technician"),
        ),
        workshops=(
            Workshop(
                "Kfz-Werkstatt Brandt",
                "kfz-brandt",
                "Gartenstraße 12",
                "97070",
                "Würzburg",
                49.7956,
                9.9359,
                "+493023125014",
                "https://www.kfz-brandt.example",
                60,
            ),
        ),
    ),
    Organization(
        legal_name="Autohaus Nordlicht GmbH & Co. KG",
        legal_form="gmbh_co_kg",
        people=(
            Person("Henrik Petersen", "henrik.petersen@autohaus-nordlicht.example", "owner"),
            Person("Meike Lorenzen", "meike.lorenzen@autohaus-nordlicht.example", "manager", (0, 1)),
            Person("Deniz Kaya", "deniz.kaya@autohaus-nordlicht.example", "service_advisor", (0,)),
            Person("Ulrike Voß", "ulrike.voss@autohaus-nordlicht.example", "accountant"),
            Person("Dr. Jan Ahlers", "jan.ahlers@autohaus-nordlicht.example", "data_protection_officer"),
        ),
        workshops=(
            Workshop(
                "Nordlicht Hamburg",
                "nordlicht-hamburg",
                "Stresemannstraße 200",
                "22769",
                "Hamburg",
                53.5634,
                9.9406,
                "+494066969120",
                NORTH,
                20,
                "chain",
            ),
            Workshop(
                "Nordlicht Lübeck",
                "nordlicht-luebeck",
                "Fackenburger Allee 31",
                "23554",
                "Lübeck",
                53.8708,
                10.6637,
                "+494066969121",
                NORTH,
                20,
                "chain",
            ),
            Workshop(
                "Nordlicht Kiel",
                "nordlicht-kiel",
                "Eckernförder Straße 95",
                "24116",
                "Kiel",
                54.3300,
                10.1130,
                "+494066969122",
                NORTH,
                20,
                "chain",
            ),
            Workshop(
                "Nordlicht Rostock",
                "nordlicht-rostock",
                "Doberaner Straße 114",
                "18057",
                "Rostock",
                54.0907,
                12.1112,
                "+494066969123",
                NORTH,
                20,
                "chain",
            ),
            Workshop(
                "Nordlicht Flensburg",
                "nordlicht-flensburg",
                "Harrisleer Straße 60",
                "24939",
                "Flensburg",
                54.7937,
                9.4229,
                "+494066969124",
                NORTH,
                20,
                "chain",
            ),
        ),
    ),
    Organization(
        legal_name="Schrauberei Yıldız UG (haftungsbeschränkt)",
        legal_form="ug",
        people=(Person("Elif Yıldız", "elif.yildiz@schrauberei-yildiz.example", "owner"),),
        workshops=(
            Workshop(
                "Schrauberei Yıldız",
                "schrauberei-yildiz",
                "Karl-Marx-Straße 88",
                "12043",
                "Berlin",
                52.4826,
                13.4326,
                "+493023125077",
                "https://schrauberei-yildiz.example",
                40,
                "specialty",
            ),
        ),
    ),
)
