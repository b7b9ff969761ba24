"""Identifiers: published examples, one form for each, and every single wrong digit that the check can tell."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.identifiers import (
    ALNUM,
    BadIdentifier,
    canonical,
    ipi_check,
    iswc_check,
    mod_11_2,
    mod_37_36,
    person_identifier,
    work_identifier,
    work_identifiers_in,
)

DIGITS = "0123456789"
UUID = "0383dadf-2a4e-4d10-a46a-e9e041da8eb3"
EIDR = "10.5240/7791-8534-2C23-9030-8610-5"


@pytest.mark.parametrize(
    ("scheme", "written", "form"),
    [
        ("orcid", "0000-0002-1825-0097", "orcid:0000-0002-1825-0097"),
        ("ORCID", "https://orcid.org/0000-0002-1825-0097", "orcid:0000-0002-1825-0097"),
        ("orcid", "0000 0001 5109 3700", "orcid:0000-0001-5109-3700"),
        ("orcid", "0000-0002-1694-233x", "orcid:0000-0002-1694-233X"),
        ("isni", "0000 0001 2281 955X", "isni:000000012281955X"),
        ("ipi", "00014107338", "ipi:00014107338"),
        ("ipi", "14107338", "ipi:00014107338"),
        ("imdb", "https://www.imdb.com/name/nm0000001/", "imdb:nm0000001"),
        ("nconst", "NM0000001", "imdb:nm0000001"),
        ("MBID", UUID.upper(), f"musicbrainz:{UUID}"),
        ("wikidata", "http://www.wikidata.org/entity/Q42", "wikidata:Q42"),
        ("guild", "  SCG  12/a ", "guild:SCG 12/a"),
        ("payroll.acme", "007", "payroll.acme:007"),
    ],
)
def test_people(scheme: str, written: str, form: str):
    assert person_identifier(scheme, written) == form == canonical(f"{scheme}:{written}") == canonical(form)


@pytest.mark.parametrize(
    ("scheme", "written", "form"),
    [
        ("eidr", EIDR, f"eidr:{EIDR}"),
        ("eidr", f"https://doi.org/{EIDR.lower()}", f"eidr:{EIDR}"),
        ("iswc", "T-034.524.680-1", "iswc:T0345246801"),
        ("isan", "0000-0001-8CFA-0000-I-0000-0000-K", "isan:000000018CFA000000000000"),
        ("isrc", "GB-AYE-97-00001", "isrc:GBAYE9700001"),
        ("isbn", "0-306-40615-2", "isbn:9780306406157"),
        ("isbn", "978-0-306-40615-7", "isbn:9780306406157"),
        ("doi", "doi:10.1000/ABC", "doi:10.1000/abc"),
        ("tconst", "tt0000001", "imdb:tt0000001"),
        ("musicbrainz", f"https://musicbrainz.org/recording/{UUID}", f"musicbrainz:{UUID}"),
    ],
)
def test_works(scheme: str, written: str, form: str):
    assert work_identifier(scheme, written) == form


@pytest.mark.parametrize(
    ("make", "scheme", "value", "words"),
    [
        (person_identifier, "orcid", "0000-0002-1825-0098", "check digit is wrong"),
        (person_identifier, "orcid", "0000-0002-1825", "16 digits"),
        (person_identifier, "orcid", "٠٠٠٠-0002-1825-0097", "16 digits"),
        (person_identifier, "isni", "0000 0001 1111 955X", "check digit is wrong"),
        (person_identifier, "ipi", "00014107339", "check digit is wrong"),
        (person_identifier, "ipi", "I-000000229-7", "11 digits"),
        (person_identifier, "imdb", "tt0000001", "looks like nm0000001"),
        (person_identifier, "wikidata", "P57", "looks like Q42"),
        (person_identifier, "musicbrainz", "abc", "looks like"),
        (person_identifier, "a b", "1", "no scheme"),
        (person_identifier, "work", "1", "no scheme"),
        (person_identifier, "guild", "\0", "not readable"),
        (person_identifier, "guild", "x" * 201, "too long"),
        (work_identifier, "isan", "0000-0001-8CFA-0000-A-0000-0000-K", "check digit is wrong"),
        (work_identifier, "isan", "12", "looks like"),
        (work_identifier, "isrc", "I1", "two letters"),
        (work_identifier, "isbn", "978-0-306-40615-8", "check digit is wrong"),
        (work_identifier, "isbn", "12", "13 digits"),
        (work_identifier, "iswc", "T-034.524.680-2", "check digit is wrong"),
        (work_identifier, "doi", "11.1000/1", "looks like"),
        (work_identifier, "guild", "1", "not identified by"),
    ],
)
def test_what_cannot_be_right_is_refused_with_the_reason(make, scheme: str, value: str, words: str):
    with pytest.raises(BadIdentifier, match=words):
        make(scheme, value)


def changed(text: str, place: int, character: str) -> str:
    return text[:place] + character + text[place + 1 :]


def digits(n: int):
    return st.text(DIGITS, min_size=n, max_size=n)


@given(digits(15), st.integers(0, 15), st.sampled_from(DIGITS + "X"))
def test_orcid_and_isni_tell_every_single_wrong_character(number: str, place: int, character: str):
    whole = number + mod_11_2(number)
    for scheme in ("orcid", "isni"):
        person_identifier(scheme, whole)
        if character != whole[place]:
            with pytest.raises(BadIdentifier):
                person_identifier(scheme, changed(whole, place, character))


@given(digits(9), st.integers(0, 10), st.sampled_from(DIGITS))
def test_ipi_tells_every_single_wrong_digit(number: str, place: int, digit: str):
    whole = number + ipi_check(number)
    person_identifier("ipi", whole)
    if digit != whole[place]:
        with pytest.raises(BadIdentifier):
            person_identifier("ipi", changed(whole, place, digit))


@given(st.text(DIGITS + "ABCDEF", min_size=20, max_size=20), st.integers(0, 20), st.sampled_from(ALNUM))
def test_eidr_tells_every_single_wrong_character(number: str, place: int, character: str):
    def written(code: str) -> str:
        return "10.5240/" + "-".join(code[i : i + 4] for i in range(0, 24, 4))

    whole = number + mod_37_36(number)
    assert work_identifier("eidr", written(whole)) == f"eidr:{written(whole)}"
    if character != whole[place]:
        with pytest.raises(BadIdentifier):
            work_identifier("eidr", written(changed(whole, place, character)))


@given(digits(9), st.integers(0, 9), st.sampled_from(DIGITS))
def test_iswc_tells_every_single_wrong_digit_that_its_standard_can_tell(number: str, place: int, digit: str):
    """Digits are weighted by their place modulo 10, so a difference of 5 at an even place is lost; that is the standard's."""
    whole = number + iswc_check(number)
    work_identifier("iswc", "T" + whole)
    wrong = changed(whole, place, digit)
    weight = place + 1 if place < 9 else 1
    if weight * (int(digit) - int(whole[place])) % 10:
        with pytest.raises(BadIdentifier):
            work_identifier("iswc", "T" + wrong)
    else:
        work_identifier("iswc", "T" + wrong)


def test_identifiers_in_the_columns_of_a_catalogue():
    columns = {"ISRC": "GBAYE9700001; GBAYE9700002", "isbn": "", "guild": "x", "doi": "10.1000/1"}
    assert work_identifiers_in(columns) == ["isrc:GBAYE9700001", "isrc:GBAYE9700002", "doi:10.1000/1"]
    with pytest.raises(BadIdentifier):
        work_identifiers_in({"isrc": "no"})
    assert work_identifiers_in({"isrc": "no"}, strict=False) == []


def test_an_identifier_that_cannot_be_right_stays_as_it_was_written():
    assert canonical("isni:1") == "isni:1"
    assert canonical("no scheme") == "no scheme"
