"""What the rules say and what they listen for, in each language. Words to listen for are folded: lower case, no marks."""

from collections.abc import Mapping
from typing import Final

import msgspec

from carbot_crm.chat.models import Language


class Wording(msgspec.Struct, frozen=True, kw_only=True):
    """One language."""

    weekdays: tuple[str, str, str, str, str, str, str]
    hours: str
    no_hours: str
    services: str
    no_services: str
    address: str
    no_address: str
    greeting: str
    unknown: str
    handed_over: str
    ask_name: str
    ask_phone: str
    bad_phone: str
    ask_request: str
    ask_vehicle: str
    taken: str
    not_taken: str
    cancelled: str
    hears_hours: frozenset[str]
    hears_services: frozenset[str]
    hears_address: frozenset[str]
    hears_greeting: frozenset[str]
    hears_person: frozenset[str]
    hears_lead: frozenset[str]
    hears_cancel: frozenset[str]
    hears_no: frozenset[str]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


WORDINGS: Final[Mapping[Language, Wording]] = {
    "de": Wording(
        weekdays=("Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"),
        hours="Unsere Öffnungszeiten:",
        no_hours="Unsere Öffnungszeiten sind hier nicht hinterlegt. Sollen wir Sie anrufen? Schreiben Sie „Rückruf“.",
        services="Das bieten wir an:",
        no_services="Sagen Sie uns, was Sie brauchen: Schreiben Sie „Angebot“, und wir melden uns.",
        address="So erreichen Sie uns:",
        no_address="Unsere Anschrift ist hier nicht hinterlegt. Sollen wir Sie anrufen? Schreiben Sie „Rückruf“.",
        greeting="Guten Tag! Fragen Sie nach Öffnungszeiten oder Leistungen, oder schreiben Sie „Rückruf“.",
        unknown=(
            "Das weiß ich leider nicht. Ich kenne Öffnungszeiten, Anschrift und Leistungen und nehme Anfragen auf:"
            " Schreiben Sie „Rückruf“. Mit „Mitarbeiter“ antwortet ein Mensch."
        ),
        handed_over="Ich gebe das weiter: Ein Mitarbeiter antwortet Ihnen hier.",
        ask_name="Gern, wir melden uns bei Ihnen. Wie heißen Sie? (Mit „Abbrechen“ hören wir auf.)",
        ask_phone="Unter welcher Telefonnummer erreichen wir Sie?",
        bad_phone="Diese Nummer verstehe ich nicht. Bitte mit Vorwahl, zum Beispiel 030 901820.",
        ask_request="Worum geht es?",
        ask_vehicle="Um welches Fahrzeug geht es? (Ohne Angabe: „nein“)",
        taken="Danke! Ihre Anfrage ist aufgenommen, wir melden uns bei Ihnen.",
        not_taken="Ihre Anfrage konnte nicht aufgenommen werden. Ein Mitarbeiter antwortet Ihnen hier.",
        cancelled="In Ordnung, ich habe nichts aufgenommen.",
        hears_hours=_words("offnungszeiten offnungszeit geoffnet offen auf geschlossen uhrzeit wann"),
        hears_services=_words("leistungen leistung angebote preise preis kosten kostet service"),
        hears_address=_words("adresse anschrift wo telefon telefonnummer anfahrt standort"),
        hears_greeting=_words("hallo hi moin servus tag morgen abend hey"),
        hears_person=_words("mensch menschen mitarbeiter mitarbeiterin person chef meister"),
        hears_lead=_words("ruckruf anrufen kontakt angebot termin buchen vereinbaren kostenvoranschlag anfrage"),
        hears_cancel=_words("abbrechen abbruch stopp stop"),
        hears_no=_words("nein keins keines nicht"),
    ),
    "en": Wording(
        weekdays=("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
        hours="Our opening hours:",
        no_hours="Our opening hours are not noted here. Shall we call you? Write “callback”.",
        services="What we offer:",
        no_services="Tell us what you need: write “offer”, and we will get back to you.",
        address="How to reach us:",
        no_address="Our address is not noted here. Shall we call you? Write “callback”.",
        greeting="Hello! Ask for opening hours or services, or write “callback”.",
        unknown=(
            "I am afraid I do not know that. I know opening hours, address and services, and I take requests:"
            " write “callback”. Write “staff” for a person."
        ),
        handed_over="I pass this on: a member of our staff will answer you here.",
        ask_name="Gladly, we will get back to you. What is your name? (“Cancel” ends this.)",
        ask_phone="At which telephone number can we reach you?",
        bad_phone="I do not understand this number. Please write it with its area code, for example +49 30 901820.",
        ask_request="What is it about?",
        ask_vehicle="Which vehicle is it about? (“No” if none)",
        taken="Thank you! Your request is noted, we will get back to you.",
        not_taken="Your request could not be noted. A member of our staff will answer you here.",
        cancelled="All right, I have noted nothing.",
        hears_hours=_words("opening hours open closed close when"),
        hears_services=_words("services service offers prices price cost costs"),
        hears_address=_words("address where phone telephone location directions"),
        hears_greeting=_words("hello hi hey morning evening"),
        hears_person=_words("human person staff employee someone agent"),
        hears_lead=_words("callback call contact offer quote appointment book booking estimate request"),
        hears_cancel=_words("cancel stop abort"),
        hears_no=_words("no none not"),
    ),
    "tr": Wording(
        weekdays=("Pzt", "Sal", "Çar", "Per", "Cum", "Cmt", "Paz"),
        hours="Çalışma saatlerimiz:",
        no_hours="Çalışma saatlerimiz burada kayıtlı değil. Sizi arayalım mı? “Geri arama” yazın.",
        services="Hizmetlerimiz:",
        no_services="Neye ihtiyacınız olduğunu söyleyin: “teklif” yazın, size dönelim.",
        address="Bize ulaşın:",
        no_address="Adresimiz burada kayıtlı değil. Sizi arayalım mı? “Geri arama” yazın.",
        greeting="Merhaba! Çalışma saatlerini veya hizmetleri sorun ya da “geri arama” yazın.",
        unknown=(
            "Bunu maalesef bilmiyorum. Çalışma saatlerini, adresi ve hizmetleri bilirim ve talep alırım:"
            " “geri arama” yazın. Bir insan için “çalışan” yazın."
        ),
        handed_over="İletiyorum: bir çalışanımız size burada yanıt verecek.",
        ask_name="Memnuniyetle, size döneceğiz. Adınız nedir? (“İptal” ile vazgeçebilirsiniz.)",
        ask_phone="Size hangi telefon numarasından ulaşabiliriz?",
        bad_phone="Bu numarayı anlayamadım. Lütfen alan koduyla yazın, örneğin +49 30 901820.",
        ask_request="Konu nedir?",
        ask_vehicle="Hangi araç için? (Yoksa “hayır”)",
        taken="Teşekkürler! Talebiniz alındı, size döneceğiz.",
        not_taken="Talebiniz alınamadı. Bir çalışanımız size burada yanıt verecek.",
        cancelled="Tamam, hiçbir şey kaydetmedim.",
        hears_hours=_words("calisma saatleri saatler acik kapali kacta"),
        hears_services=_words("hizmetler hizmet fiyat fiyatlar ucret ucretler"),
        hears_address=_words("adres nerede telefon konum"),
        hears_greeting=_words("merhaba selam gunaydin"),
        hears_person=_words("insan calisan personel yetkili"),
        hears_lead=_words("arama arayin iletisim teklif randevu talep"),
        hears_cancel=_words("iptal vazgec dur"),
        hears_no=_words("hayir yok"),
    ),
    "pl": Wording(
        weekdays=("pon.", "wt.", "śr.", "czw.", "pt.", "sob.", "niedz."),
        hours="Nasze godziny otwarcia:",
        no_hours="Nie ma tu naszych godzin otwarcia. Czy mamy oddzwonić? Napisz „kontakt”.",
        services="Nasza oferta:",
        no_services="Napisz, czego potrzebujesz: napisz „wycena”, a oddzwonimy.",
        address="Jak do nas trafić:",
        no_address="Nie ma tu naszego adresu. Czy mamy oddzwonić? Napisz „kontakt”.",
        greeting="Dzień dobry! Zapytaj o godziny otwarcia lub usługi albo napisz „kontakt”.",
        unknown=(
            "Niestety tego nie wiem. Znam godziny otwarcia, adres i usługi oraz przyjmuję zgłoszenia:"
            " napisz „kontakt”. Napisz „pracownik”, jeśli ma odpowiedzieć człowiek."
        ),
        handed_over="Przekazuję: odpowie tu pracownik.",
        ask_name="Chętnie oddzwonimy. Jak się nazywasz? („Anuluj” kończy.)",
        ask_phone="Pod jakim numerem telefonu możemy zadzwonić?",
        bad_phone="Nie rozumiem tego numeru. Podaj go z numerem kierunkowym, na przykład +49 30 901820.",
        ask_request="W jakiej sprawie?",
        ask_vehicle="O jaki pojazd chodzi? (Jeśli żaden: „nie”)",
        taken="Dziękujemy! Zgłoszenie zostało przyjęte, oddzwonimy.",
        not_taken="Nie udało się przyjąć zgłoszenia. Odpowie tu pracownik.",
        cancelled="Dobrze, niczego nie zapisano.",
        hears_hours=_words("godziny otwarcia otwarte zamkniete kiedy czynne"),
        hears_services=_words("uslugi usluga oferta cena ceny koszt koszty"),
        hears_address=_words("adres gdzie telefon dojazd"),
        hears_greeting=_words("czesc dzien witam hej"),
        hears_person=_words("czlowiek pracownik osoba konsultant"),
        hears_lead=_words("kontakt oddzwoncie wycena wizyta umowic rezerwacja zgloszenie termin"),
        hears_cancel=_words("anuluj stop przerwij"),
        hears_no=_words("nie brak zaden"),
    ),
}
