import phonenumbers
from phonenumbers import carrier


def handle(request):
    number = phonenumbers.parse("020 8366 1177", "GB")
    assert phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) == "+442083661177"
    assert phonenumbers.is_valid_number(number) and not phonenumbers.is_valid_number(phonenumbers.parse("+4812"))
    assert carrier.name_for_number(phonenumbers.parse("+48512345678"), "en")
    return "ok"
