"""Numbers that belong to a person, recognised by check digits, ranges and lengths."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from releaseguard_events.scrub.folded import BLANK

Span = tuple[int, int]

_DIGITS: Final = re.compile(rf"(?<![\w.])\d(?:[ .{BLANK}-]?\d){{0,255}}+")
_ISSUERS: Final = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|(?:5[1-5]|2[2-7]|35)\d{14}|9792\d{12}|3[47]\d{13}|3[0689]\d{12}"
    r"|(?:5[06-9]|6\d)\d{14,17}"
)
"""Ranges and lengths of the card schemes, so that the number of an order or a time is not taken for a card's."""


def cards(text: str) -> Iterator[Span]:
    """Runs of digits, grouped or not, that contain a card's number which begins and ends with a group."""
    for match in _DIGITS.finditer(text):
        if match.end() - match.start() >= _SHORTEST:
            goes_on = text[match.end() : match.end() + 1]
            yield from _cards_in(match[0], match.start(), whole=not (goes_on.isalnum() or goes_on == "_"))


_SHORTEST: Final = 13
_LONGEST: Final = 19


def _cards_in(run: str, offset: int, *, whole: bool) -> Iterator[Span]:
    """The cards in a run; ``whole`` says that no letter follows it, so that its last group is a whole one."""
    places = [place for place, character in enumerate(run) if character.isdigit()]
    ends = {place for place in places if not run[place + 1 : place + 2].isdigit()} - (set() if whole else {places[-1]})
    free = 0
    for first, start in enumerate(places):
        if start < free or (start and run[start - 1].isdigit()):
            continue
        for last in places[first + _SHORTEST - 1 : first + _LONGEST]:
            if last in ends and _is_written_card(run[start : last + 1]):
                yield offset + start, offset + last + 1
                free = last + 1
                break


def _is_written_card(text: str) -> bool:
    """Whether the text is written like a card's number: dots stand only between groups of four, otherwise it is a
    fraction."""
    if "." in text and text.count(".") < 3:
        return False
    return is_card("".join(character for character in text if character.isdigit()))


def is_card(digits: str) -> bool:
    """Whether the digits fit a scheme's range and Luhn's check digit (ISO/IEC 7812-1, annex B)."""
    if not _ISSUERS.fullmatch(digits):
        return False
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0


_IBAN_LENGTHS: Final = {
    country: int(length)
    for country, length in re.findall(
        r"([A-Z]{2})(\d{2})",
        "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 ES24 "
        "FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 "
        "LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 "
        "SA24 SC31 SE24 SI19 SK24 SM27 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20",
    )
}
"""Lengths in the IBAN registry (SWIFT); without them one random text in five would look like an IBAN."""
_OF_DIGITS: Final = frozenset(re.findall("..", "AEATBABECRCZDEDKEEEGESFIFOGLHRHUILISLTLYMEMRNOPLPTRSSESISKSTTLTNVAXK"))
"""Countries whose IBANs have no letters after the country (same registry)."""

_IBAN_START: Final = re.compile(rf"(?<![A-Za-z0-9])([A-Za-z]{{2}})[ {BLANK}]?\d{{2}}(?=[ .{BLANK}-]?[A-Za-z0-9])")


def ibans(text: str) -> Iterator[Span]:
    """IBANs, grouped or not."""
    free = 0
    for match in _IBAN_START.finditer(text):
        start = match.start()
        end = _iban_end(text, start, _IBAN_LENGTHS.get(match[1].upper(), 0)) if start >= free else 0
        if end:
            yield start, end
            free = end


def _iban_end(text: str, start: int, length: int) -> int:
    """The end of the IBAN of ``length`` characters that begins at ``start``; 0 where none does."""
    found: list[str] = []
    for place in range(start, min(len(text), start + length * 2)):
        if text[place].isascii() and text[place].isalnum():
            found.append(text[place].upper())
        elif text[place] not in f" .-{BLANK}":
            break
        if len(found) == length:
            return place + 1 if _is_iban("".join(found)) else 0
    return 0


def _is_iban(compact: str) -> bool:
    """The check of ISO 13616: rearranged and read as a number, modulo 97 it is 1."""
    if compact[:2] in _OF_DIGITS and not compact[2:].isdigit():
        return False
    return int("".join(str(int(character, 36)) for character in compact[4:] + compact[:4])) % 97 == 1


def is_turkish_identity(text: str) -> bool:
    """Whether both check digits of a T.C. kimlik numarası are right, however it is grouped."""
    digits = [int(character) for character in text if character.isdigit()]
    if len(digits) != 11:
        return False
    tenth = (sum(digits[0:9:2]) * 7 - sum(digits[1:8:2])) % 10
    return digits[9] == tenth and digits[10] == sum(digits[:10]) % 10


def is_public_ip(text: str) -> bool:
    """Whether ``text`` is an IP address that may belong to a person: not loopback, private, link-local or
    unspecified."""
    import ipaddress

    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    inner = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "0.0.0.0/8", "fc00::/7")
    local = address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified
    return not local and not any(address in ipaddress.ip_network(network) for network in inner)


def is_place(text: str) -> bool:
    """Whether two numbers with fractions can be latitude and longitude, in either order, rather than two shares."""
    numbers = [abs(float(number)) for number in re.findall(r"\d{1,3}\.\d+", text)]
    return len(numbers) == 2 and min(numbers) <= 90 and 2 <= max(numbers) <= 180
