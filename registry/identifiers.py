"""Identifiers of people and of works, "scheme:value": brought into one form, their check digits checked.

    people  isni, orcid, ipi (name number), imdb (nm...), musicbrainz (artist), wikidata; any other scheme is free: guild, payroll
    works   isrc, iswc, isan, eidr, isbn, doi, imdb (tt...), musicbrainz (recording); no other

ISNI, ISAN, ISRC and ISBN are checked by python-stdnum. The other check digits are computed here: ORCID after ISO 7064 mod 11-2
(support.orcid.org, "Structure of the ORCID identifier"), IPI after CISAC's mod 101, EIDR after ISO 7064 mod 37,36 ("EIDR ID
format"), ISWC after ISO 15707.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

MOST_CHARACTERS = 200
SCHEME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
ALNUM = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
RESERVED = ("work", "name")  # how the keys of people without an identifier begin
ALIASES = {
    "nconst": "imdb", "tconst": "imdb", "mbid": "musicbrainz", "ipi-name": "ipi", "ipi_name": "ipi", "wikidata-q": "wikidata",
}  # fmt: skip
ADDRESS = re.compile(
    r"(?:https?://)?(?:www\.)?(?:orcid\.org/|isni\.org/(?:isni/|page/)?|imdb\.com/(?:name|title)/|"
    r"musicbrainz\.org/(?:artist|recording)/|wikidata\.org/(?:entity|wiki)/|(?:dx\.)?doi\.org/)",
    re.IGNORECASE,
)
ONE_EACH = frozenset({"isni", "orcid", "imdb", "musicbrainz", "wikidata"})  # a person has one; of IPI name numbers, one a name

Check = Callable[[str], str]


class BadIdentifier(ValueError):
    """An identifier that cannot be right; the sentence says why."""


def person_identifier(scheme: str, value: str) -> str:
    """ "scheme:value" of a person in its one form. Raises BadIdentifier."""
    scheme, value = _parts(scheme, value)
    check = PEOPLE.get(scheme)
    return f"{scheme}:{check(value) if check else value}"


def work_identifier(scheme: str, value: str) -> str:
    """ "scheme:value" of a work in its one form. Raises BadIdentifier."""
    scheme, value = _parts(scheme, value)
    if scheme not in WORKS:
        raise BadIdentifier(f'works are not identified by "{scheme}"; use one of {", ".join(WORKS)}')
    return f"{scheme}:{WORKS[scheme](value)}"


def work_identifiers_in(columns: Mapping[str, Any], strict: bool = True) -> list[str]:
    """The identifiers that the columns isrc, iswc, isan, eidr, isbn, doi, imdb and musicbrainz of a catalogue give, several with
    ";" between. Raises BadIdentifier, or when not `strict` passes over what cannot be right.
    """
    found = []
    for name, text in columns.items():
        for value in str(text).split(";") if name.strip().lower() in WORKS else ():
            try:
                if value.strip():
                    found.append(work_identifier(name, value))
            except BadIdentifier:
                if strict:
                    raise
    return found


def split(text: str) -> tuple[str, str]:
    """Scheme and value of "scheme:value". Raises BadIdentifier."""
    scheme, colon, value = text.partition(":")
    if not (scheme.strip() and colon and value.strip()):
        raise BadIdentifier(f'"{text}" is no identifier; write it like orcid:0000-0002-1825-0097 or guild:1234')
    return scheme, value


@lru_cache(maxsize=1 << 14)
def canonical(text: str) -> str:
    """A person's identifier in its one form; one that cannot be right is kept as it was written, and agrees with itself alone."""
    try:
        return person_identifier(*split(text))
    except BadIdentifier:
        return text


def _parts(scheme: str, value: str) -> tuple[str, str]:
    scheme = scheme.strip().lower()
    scheme = ALIASES.get(scheme, scheme)
    if not SCHEME.fullmatch(scheme) or scheme in RESERVED:
        raise BadIdentifier(f'"{scheme}" is no scheme of identifiers; write a short name like orcid, isni or guild')
    value = " ".join(value.split())
    if not value or len(value) > MOST_CHARACTERS or not value.isprintable():
        raise BadIdentifier(f"the {scheme} identifier is empty, too long or not readable text")
    return scheme, ADDRESS.sub("", value).rstrip("/") if scheme in PEOPLE or scheme in WORKS else value


def _wrong(name: str, value: str, why: str) -> BadIdentifier:
    return BadIdentifier(f'"{value}" is no {name}: {why}')


def _digit_wrong(name: str, value: str) -> BadIdentifier:
    return _wrong(name, value, "its check digit is wrong, so a character is mistyped")


def _bare(value: str) -> str:
    return re.sub(r"[\s.\-]", "", value).upper()


def _orcid(value: str) -> str:
    number = _bare(value.removeprefix("orcid.org/"))
    if not re.fullmatch(r"[0-9]{15}[0-9X]", number):
        raise _wrong("ORCID", value, "it has 16 digits, as in 0000-0002-1825-0097")
    if number[15] != mod_11_2(number[:15]):
        raise _digit_wrong("ORCID", value)
    return "-".join(number[i : i + 4] for i in range(0, 16, 4))


def mod_11_2(digits: str) -> str:
    """The check character of decimal digits, after ISO 7064 mod 11-2."""
    total = 0
    for digit in digits:
        total = (total + int(digit)) * 2
    rest = (12 - total % 11) % 11
    return "X" if rest == 10 else str(rest)


def _isni(value: str) -> str:
    from stdnum import isni

    number = _bare(value)
    if not re.fullmatch(r"[0-9]{15}[0-9X]", number):
        raise _wrong("ISNI", value, "it has 16 digits, as in 0000 0001 2281 955X")
    if not isni.is_valid(number):
        raise _digit_wrong("ISNI", value)
    return number


def _ipi(value: str) -> str:
    number = _bare(value)
    if not re.fullmatch(r"[0-9]{5,11}", number):
        raise _wrong("IPI name number", value, "it has 11 digits, as in 00014107338")
    number = number.zfill(11)
    if number[9:] != ipi_check(number[:9]):
        raise _digit_wrong("IPI name number", value)
    return number


def ipi_check(digits: str) -> str:
    """The two check digits of the nine before them: weights 10 to 2, mod 101. A rest of 1 asks for 100, which is written 00."""
    total = sum(weight * int(digit) for weight, digit in zip(range(10, 1, -1), digits, strict=True))
    return f"{-total % 101 % 100:02d}"


def _eidr(value: str) -> str:
    text = value.upper()
    if not re.fullmatch(r"10\.5240/([0-9A-F]{4}-){5}[0-9A-Z]", text):
        raise _wrong("EIDR", value, "it looks like 10.5240/7791-8534-2C23-9030-8610-5")
    if text[-1] != mod_37_36(text[8:].replace("-", "")[:20]):
        raise _digit_wrong("EIDR", value)
    return text


def mod_37_36(characters: str) -> str:
    """The check character of letters and digits, after ISO 7064 mod 37,36."""
    product = 36
    for character in characters:
        total = (product + ALNUM.index(character)) % 36 or 36
        product = total * 2 % 37
    return ALNUM[(37 - product) % 36]


def _iswc(value: str) -> str:
    code = _bare(value)
    if not re.fullmatch(r"T[0-9]{10}", code):
        raise _wrong("ISWC", value, "it looks like T-034.524.680-1")
    if code[10] != iswc_check(code[1:10]):
        raise _digit_wrong("ISWC", value)
    return code


def iswc_check(digits: str) -> str:
    """The check digit of nine digits: 1 and each digit times its place, mod 10. It misses errors of 5 at even places, and of even
    size at place 5.
    """
    total = 1 + sum(place * int(digit) for place, digit in enumerate(digits, 1))
    return str(-total % 10)


def _isan(value: str) -> str:
    from stdnum import isan
    from stdnum.exceptions import InvalidChecksum, ValidationError

    try:
        code = isan.validate(re.sub(r"^(URN:)?ISAN[: ]*", "", value.upper()).replace(" ", ""))
        return str(isan.validate(code, strip_check_digits=True))  # in one call it would not check what it takes away
    except InvalidChecksum:
        raise _digit_wrong("ISAN", value) from None
    except ValidationError:
        raise _wrong("ISAN", value, "it looks like 0000-0001-8CFA-0000-I-0000-0000-K") from None


def _isrc(value: str) -> str:
    from stdnum import isrc

    if not isrc.is_valid(_bare(value)):
        raise _wrong("ISRC", value, "it is two letters, three characters and seven digits, as in GB-AYE-97-00001")
    return _bare(value)


def _isbn(value: str) -> str:
    from stdnum import isbn
    from stdnum.exceptions import InvalidChecksum, ValidationError

    try:
        return str(isbn.validate(_bare(value), convert=True))
    except InvalidChecksum:
        raise _digit_wrong("ISBN", value) from None
    except ValidationError:
        raise _wrong("ISBN", value, "it has 13 digits, older ones 10") from None


def _matching(name: str, pattern: str, example: str, change: Callable[[str], str] = str) -> Check:
    """A check for schemes without check digits."""

    def check(value: str) -> str:
        text = change(value)
        if not re.fullmatch(pattern, text):
            raise _wrong(name, value, f"it looks like {example}")
        return text

    return check


_MUSICBRAINZ = _matching("MusicBrainz id", UUID.pattern, "0383dadf-2a4e-4d10-a46a-e9e041da8eb3", str.lower)
PEOPLE: dict[str, Check] = {
    "isni": _isni, "orcid": _orcid, "ipi": _ipi, "musicbrainz": _MUSICBRAINZ,
    "imdb": _matching("IMDb name", r"nm[0-9]{7,9}", "nm0000001", str.lower),
    "wikidata": _matching("Wikidata item", r"Q[1-9][0-9]{0,11}", "Q42", str.upper),
}  # fmt: skip
WORKS: dict[str, Check] = {
    "isrc": _isrc, "iswc": _iswc, "isan": _isan, "eidr": _eidr, "isbn": _isbn, "musicbrainz": _MUSICBRAINZ,
    "doi": _matching("DOI", r"10\.[0-9]{4,9}/[^\s]+", "10.1000/182", lambda v: re.sub(r"^doi:", "", v.lower())),
    "imdb": _matching("IMDb title", r"tt[0-9]{7,9}", "tt0000001", str.lower),
}  # fmt: skip
