"""Where people's money goes: account numbers checked, sealed, never shown whole; bad rows told, good ones stored."""

from __future__ import annotations

import os
import re
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.tables import CatalogueError
from residuals.iban import BadAccount, bic_of, country_of, holds_iban, iban_of, masked
from residuals.ledger import Ledger
from residuals.payee_table import import_payees
from residuals.payees import BadPayee, listed, payee_of, read_payee, rekey, shown, write_payee
from residuals.payout_tables import prepare, transaction
from residuals.vault import ENVIRONMENT, KeyProblem, Vault, new_key_file, open_vault

# Published examples of the IBAN registry, and of two countries' banks.
GERMAN, BRITISH, FRENCH = "DE89370400440532013000", "GB82WEST12345698765432", "FR1420041010050500013M02606"
DATE = "2026-11-30T09:00:00+00:00"
HOME = {"name": "Ada Okoro", "town": "Berlin", "country": "DE", "iban": GERMAN}


@pytest.fixture
def vault(tmp_path) -> Vault:
    new_key_file(tmp_path / "key")
    return open_vault(tmp_path / "key")


@pytest.fixture
def ledger(tmp_path):
    with Ledger.open(tmp_path / "ledger.db", write=True, create=True) as handle:
        prepare(handle.conn)
        yield handle


def store(ledger: Ledger, vault: Vault | None, person: str = "orcid:1", **values: str) -> tuple[str, ...]:
    with transaction(ledger.conn):
        return write_payee(ledger.conn, payee_of(person, HOME | values), vault, DATE)


@pytest.mark.parametrize("iban", [GERMAN, BRITISH, FRENCH, "NO93 8601 1117 947", "mt84 malt 0110 0001 2345 mtlc ast0 01s"])
def test_published_account_numbers_are_accepted_however_they_are_written(iban):
    assert iban_of(iban) == iban.replace(" ", "").upper()


@pytest.mark.parametrize(
    ("iban", "reason"),
    [
        ("DE89370400440532013001", "check digits"),
        ("XX89370400440532013000", "check digits"),
        ("DE8937040044053201300", "check digits"),
        ("DE75370400440532013000123", "the IBAN cannot be right"),
        ("hello", "the IBAN cannot be right"),
        ("é" * 20, "the IBAN cannot be right"),
    ],
)
def test_wrong_account_numbers_are_refused_and_not_repeated(iban, reason):
    with pytest.raises(BadAccount, match=reason) as caught:
        iban_of(iban)
    assert iban not in str(caught.value) and caught.value.__cause__ is None and caught.value.__suppress_context__


@given(st.integers(4, 21), st.integers(1, 9))
def test_every_wrong_digit_is_noticed(place, more):
    wrong = GERMAN[:place] + str((int(GERMAN[place]) + more) % 10) + GERMAN[place + 1 :]
    with pytest.raises(BadAccount):
        iban_of(wrong)


def test_what_is_shown_of_an_account_number():
    assert masked(GERMAN) == "DE** **** 3000"
    assert masked("") == ""


def test_banks_and_countries():
    assert bic_of("deutdeff 500") == "DEUTDEFF500" and bic_of(" ") == ""
    with pytest.raises(BadAccount, match="8 or 11 characters"):
        bic_of("DEUT")
    assert country_of(" de ") == "DE"
    for wrong in ("ZZ", "DEU", "", GERMAN):
        with pytest.raises(BadAccount, match="two letters of ISO 3166") as caught:
            country_of(wrong)
        assert GERMAN not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"town": ""}, "the town missing; banks refuse"),
        ({"name": " ", "country": ""}, "the name and the country missing"),
        ({"country": "Germany"}, "two letters of ISO 3166"),
        ({"iban": ""}, "no account to pay to"),
        ({"iban": "", "wise_email": "ada"}, "holds no @"),
        ({"name": "A" * 141}, "141 characters, 140 are the most"),
        ({"line1": "A" * 71}, "first postal line has 71"),
        ({"name": "Ada\u202eOkoro"}, "control characters"),
        ({"name": "Ada\x1bOkoro"}, "control characters"),
        ({"currency": "EURO"}, "is no currency"),
        ({"town": GERMAN}, "the town is an account number"),
        ({"tax_country": "nowhere"}, "tax country is not known"),
        ({"bic": "DEUTDEFF5"}, "the BIC cannot be right"),
    ],
)
def test_details_that_no_payment_could_use_are_refused(values, reason):
    with pytest.raises((BadPayee, BadAccount, ValueError), match=reason) as caught:
        payee_of("orcid:1", HOME | values)
    assert GERMAN not in str(caught.value)


def test_an_account_number_in_another_column_is_noticed_even_with_blanks():
    assert holds_iban("GB82 WEST 1234 5698 7654 32") and not holds_iban("Berlin")


def test_a_payee_is_stored_and_only_the_key_opens_the_account(ledger, vault):
    assert store(ledger, vault, tax_country="US")
    payee, account = read_payee(ledger.conn, "orcid:1", vault)
    assert payee.iban == GERMAN and payee.tax_country == "US" and account
    assert GERMAN not in repr(payee) and GERMAN not in repr(vault)
    assert read_payee(ledger.conn, "orcid:1")[0].iban == "DE** **** 3000"
    assert [row["iban"] for row in listed(ledger.conn)] == ["DE** **** 3000"]
    assert read_payee(ledger.conn, "orcid:2") is None


def test_the_database_holds_no_account_number_and_no_key(ledger, vault, tmp_path):
    store(ledger, vault)
    store(ledger, vault, iban=BRITISH)
    store(ledger, vault, "orcid:2", iban=FRENCH)
    ledger.conn.execute("vacuum")
    data = b"".join(p.read_bytes() for p in tmp_path.glob("ledger.db*"))
    key = (tmp_path / "key").read_bytes().strip()
    for secret in (GERMAN, BRITISH, FRENCH, GERMAN[4:], BRITISH[4:], key.decode()):
        assert secret.encode() not in data and secret.lower().encode() not in data
    assert ledger.conn.execute("select count(*) from sealed").fetchone() == (2,)  # the replaced one is gone


def test_storing_the_same_again_changes_nothing_and_changes_are_kept(ledger, vault):
    assert store(ledger, vault) == ("name", "town", "country", "lines", "currency", "account", "bic", *("wise_id", "wise_email"),
                                    "tax_form", "tax_country")  # fmt: skip
    assert store(ledger, vault) == ()
    assert store(ledger, vault, town="Hamburg") == ("town",)
    assert store(ledger, vault, town="Hamburg", iban=BRITISH) == ("account",)
    assert [change["changed"] for change in shown(ledger.conn, "orcid:1")["changes"]] == ["new", "town", "account"]
    with pytest.raises(sqlite3.IntegrityError, match="never changed"):
        ledger.conn.execute("delete from payee_change")


def test_another_key_is_told_and_stores_nothing(ledger, vault, tmp_path):
    store(ledger, vault)
    new_key_file(tmp_path / "other")
    other = open_vault(tmp_path / "other")
    with pytest.raises(KeyProblem, match="is not the key that the account numbers in this ledger were sealed with"):
        store(ledger, other, "orcid:2")
    with pytest.raises(KeyProblem, match="other: is not the key"):
        read_payee(ledger.conn, "orcid:1", other)
    assert len(list(listed(ledger.conn))) == 1
    with pytest.raises(BadPayee, match="needs the key"):
        store(ledger, None, "orcid:3")


def test_a_sealed_number_copied_to_somebody_else_does_not_open(ledger, vault):
    store(ledger, vault)
    store(ledger, vault, "orcid:2", iban=BRITISH)
    ledger.conn.execute("update sealed set token = (select token from sealed where owner = 'orcid:2') where owner = 'orcid:1'")
    with pytest.raises(KeyProblem, match="sealed for somebody else"):
        read_payee(ledger.conn, "orcid:1", vault)


def test_a_new_key_takes_over_all_numbers_or_none(ledger, vault, tmp_path):
    for number, iban in enumerate((GERMAN, BRITISH, FRENCH)):
        store(ledger, vault, f"orcid:{number}", iban=iban)
    new_key_file(tmp_path / "new")
    new = open_vault(tmp_path / "new")
    assert rekey(ledger.conn, vault, new) == 3
    assert [read_payee(ledger.conn, f"orcid:{i}", new)[0].iban for i in range(3)] == [GERMAN, BRITISH, FRENCH]
    before = ledger.conn.execute("select * from sealed").fetchall()
    with pytest.raises(KeyProblem, match="key: is not the key"):
        rekey(ledger.conn, vault, new)
    assert ledger.conn.execute("select * from sealed").fetchall() == before


def test_keys(tmp_path, monkeypatch):
    path = tmp_path / "key"
    new_key_file(path)
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o600
        path.chmod(0o644)
        with pytest.raises(KeyProblem, match="chmod 600"):
            open_vault(path)
        path.chmod(0o600)
    with pytest.raises(KeyProblem, match="a file already"):
        new_key_file(path)
    with pytest.raises(KeyProblem, match="no key file here"):
        open_vault(tmp_path / "none")
    with pytest.raises(KeyProblem, match="cannot be written"):
        new_key_file(tmp_path / "none" / "key")
    with pytest.raises(KeyProblem, match="no key for account numbers is given"):
        open_vault(None, {})
    with pytest.raises(KeyProblem, match="is no key") as caught:
        open_vault(None, {ENVIRONMENT: "much too short"})
    assert "much too short" not in str(caught.value)
    from_environment = open_vault(None, {ENVIRONMENT: path.read_text()})
    assert open_vault(path).unseal("a", from_environment.seal("a", GERMAN)) == GERMAN


HEADER = "person,name,town,country,line1,iban,wise_email\n"


def imported(ledger, vault, path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return import_payees(ledger.conn, path, lambda person: person.startswith("orcid:"), vault, DATE)


def test_an_import_stores_good_rows_and_tells_the_others_with_their_line(ledger, vault, tmp_path):
    text = (
        HEADER + f"orcid:1,Ada Okoro,Berlin,DE,Ufer 1,{GERMAN},\n"
        "orcid:2,Ben Li,,DE,,DE89370400440532013000,\n"
        f"orcid:3,Cy,Paris,FR,,{GERMAN[:-1]}1,\n"
        f"nobody:4,Di,Rome,IT,,{GERMAN},\n"
        f"orcid:1,Ada again,Berlin,DE,,{GERMAN},\n"
        "orcid:5,Em,Oslo,NO,,,em@example.org\n"
        "orcid:6,Fay,Oslo\n"
        f'orcid:7,"Gus,Oslo,NO,,{GERMAN},\n'
    )
    report = imported(ledger, vault, tmp_path / "payees.csv", text)
    assert (report.stored, report.unchanged) == (2, 0)
    assert [(r.line, r.reason.split(";")[0].split(":")[0]) for r in report.refused] == [
        (3, "the town missing"),
        (4, "the IBAN cannot be right"),
        (5, "the registry does not know this person"),
        (6, "the person stands in line 2 already"),
        (8, "the row has 3 fields, the header 7"),
        (9, report.refused[-1].reason.split(";")[0]),
    ]
    assert re.search("quote|unexpected end of data", report.refused[-1].reason)
    assert not any(GERMAN[4:] in refusal.reason for refusal in report.refused)
    again = imported(ledger, vault, tmp_path / "payees.csv", text)
    assert (again.stored, again.unchanged, len(again.refused)) == (0, 2, 6)


def test_an_import_that_was_cut_off_within_a_number_is_noticed(ledger, vault, tmp_path):
    whole = "person,name,town,country,iban\n" + f"orcid:1,Ada,Berlin,DE,{GERMAN}\norcid:2,Ben,London,GB,{BRITISH}"
    for cut in range(1, len(BRITISH) + 20):
        report = imported(ledger, vault, tmp_path / "payees.csv", whole[:-cut])
        assert len(report.refused) == 1, whole[:-cut]
        assert report.stored + report.unchanged == 1


def test_an_import_in_an_unsure_encoding_is_refused_and_names_are_not_misspelt(ledger, vault, tmp_path):
    row = f"orcid:1,Ådne Gr\u00f8nb\u00e6k,\u0141\u00f3d\u017a,PL,,{GERMAN},\n"
    assert imported(ledger, vault, tmp_path / "a.csv", HEADER + row, "utf-16").stored == 1
    assert read_payee(ledger.conn, "orcid:1")[0].town == "\u0141\u00f3d\u017a"
    (tmp_path / "b.csv").write_bytes(HEADER.encode() + b"orcid:2,Andr\xe9 Fran\xe7ois,Orl\xe9ans,FR,,,a@b.c\n")
    with pytest.raises(CatalogueError, match="is not UTF-8 text"):
        import_payees(ledger.conn, tmp_path / "b.csv", lambda person: True, vault, DATE)
    with pytest.raises(CatalogueError, match="the columns town, country missing"):
        imported(ledger, vault, tmp_path / "c.csv", "person,name\norcid:1,Ada\n")
    with pytest.raises(CatalogueError, match="no such file"):
        import_payees(ledger.conn, tmp_path / "none.csv", lambda person: True, vault, DATE)


def test_names_that_would_be_formulas_or_markup_are_kept_as_they_are(ledger, vault):
    for person, name in (("orcid:1", "=cmd|' /C calc'!A0"), ("orcid:2", "</Nm><Amt>9</Amt>")):
        store(ledger, vault, person, name=name)
        assert read_payee(ledger.conn, person)[0].name == name


def test_a_bank_that_the_library_does_not_list_is_not_refused():
    """The Belgian example of the IBAN registry: its bank code is on no list of today's banks, its check digits are right."""
    assert iban_of("BE68 5390 0754 7034") == "BE68539007547034"
    for wrong in ("BE68539007547035", "BE69539007547034", "NO9386011117948"):
        with pytest.raises(BadAccount):
            iban_of(wrong)
