"""Where money can be sent: account numbers (IBAN, ISO 13616), banks (BIC, ISO 9362), countries (ISO 3166-1 alpha-2).

No message in here repeats a number: what is wrong with it is told, not what it was.
"""

from __future__ import annotations

import contextlib

from fingerprint.errors import BylineError

# ISO 3166-1 alpha-2, officially assigned; XK (Kosovo) is a user-assigned code that banks use in IBANs.
_COUNTRIES = """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF
    CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI
    GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ
    LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO
    NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST
    SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW
"""
COUNTRIES = frozenset(_COUNTRIES.split())
# By the country of the IBAN: members of the SEPA schemes (European Payments Council, EPC409-09); territories use their state's.
_SEPA = """
    AD AL AT BE BG CH CY CZ DE DK EE ES FI FR GB GI GR HR HU IE IS IT LI LT LU LV MC MD ME MK MT NL NO PL PT RO RS SE SI SK SM VA
"""
SEPA = frozenset(_SEPA.split())
SHOWN = 4
SHORTEST = 15  # Norway's


class BadAccount(BylineError, ValueError):
    """An account number, a bank or a country that no money can be sent to."""

    code = "account"


def iban_of(text: str) -> str:
    """The IBAN in its electronic form, capitals without blanks. Raises BadAccount, which does not repeat it."""
    from stdnum import iban
    from stdnum.exceptions import InvalidChecksum, InvalidComponent, InvalidLength, ValidationError

    try:
        number = str(iban.validate(text, check_country=False))
        # Some countries have check digits of their own. A bank that is not on the library's list may be newer than the list.
        with contextlib.suppress(InvalidComponent):
            iban.validate(text)
        return number
    except InvalidChecksum:
        reason = "its check digits are wrong, so a digit was mistyped or is missing; ask the payee for it again"
    except InvalidLength:
        reason = "it is too long or too short; ask the payee for it again"
    except ValidationError:
        reason = "it does not have the form that banks of its country use; ask the payee for it again"
    raise BadAccount(f"the IBAN cannot be right: {reason}") from None


def holds_iban(text: str) -> bool:
    """Whether the text is an account number, so that one in the wrong column is not stored for all to read."""
    from stdnum import iban

    return len(text) >= SHORTEST and bool(iban.is_valid(text, check_country=False))


def masked(iban: str) -> str:
    """What may be shown of an IBAN: its country and its last four characters."""
    return f"{iban[:2]}** **** {iban[-SHOWN:]}" if iban else ""


def bic_of(text: str) -> str:
    """The BIC in capitals without blanks; "" for none. Raises BadAccount."""
    from stdnum import bic
    from stdnum.exceptions import ValidationError

    if not text.strip():
        return ""
    try:
        return str(bic.validate(text))
    except ValidationError:
        raise BadAccount("the BIC cannot be right: it has 8 or 11 characters, like DEUTDEFF or DEUTDEFF500") from None


def country_of(text: str, what: str = "country") -> str:
    """The country's two capitals. Raises BadAccount."""
    code = text.strip().upper()
    if code not in COUNTRIES:
        shown = f' "{text.strip()}"' if len(code) <= SHOWN else ""  # a longer one may be an account number in the wrong column
        said = f"the {what}{shown} is not known" if code else f"the {what} is missing"
        raise BadAccount(f"{said}; write two letters of ISO 3166, like DE or US")
    return code
