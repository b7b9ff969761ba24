"""Where each person's money goes: name, town, country, account. Account numbers are stored sealed only (vault).

The rows stand in the ledger's file, but are no part of its chain: people move house. Which fields were changed, and when, is
kept for good, because a changed account number is how payments are stolen.
"""

from __future__ import annotations

import json
import sqlite3
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from fingerprint.errors import BylineError
from residuals.iban import bic_of, country_of, holds_iban, iban_of, masked
from residuals.money import currency_of
from residuals.payout_tables import has_tables, transaction
from residuals.vault import Vault

LONGEST = {"name": 140, "town": 35, "line": 70, "wise_id": 64, "wise_email": 254, "tax_form": 35}
LINES = 2  # of a hybrid address, beside town and country (EPC, SEPA credit transfer guidelines)
COLUMNS = ("name", "town", "country", "lines", "currency", "account", "bic", "wise_id", "wise_email", "tax_form", "tax_country")
WRITE = f"insert or replace into payee (person, {', '.join(COLUMNS)}) values ({', '.join('?' * (len(COLUMNS) + 1))})"  # noqa: S608
FORGET = "delete from sealed where id = ? and not exists (select 1 from payment where account = sealed.id)"
READ = f"select person, {', '.join(COLUMNS)} from payee"  # noqa: S608 - our own names


class BadPayee(BylineError, ValueError):
    """Details of a payee that cannot be used, or that are not there."""

    code = "payee"


@dataclass(frozen=True)
class Payee:
    """Where the money of one person goes. lines: of the postal address, at most two; iban is whole only while a vault is open."""

    person: str
    name: str
    town: str
    country: str
    lines: tuple[str, ...] = ()
    currency: str = ""
    iban: str = field(default="", repr=False)
    bic: str = ""
    wise_id: str = ""
    wise_email: str = ""
    tax_form: str = ""
    tax_country: str = ""


def payee_of(person: str, values: Mapping[str, str]) -> Payee:
    """The payee that such texts describe: line1 and line2, else named as in Payee. Raises BadPayee, BadAccount."""
    given = {name: " ".join(values.get(name, "").split()) for name in (*(f.name for f in fields(Payee)), "line1", "line2")}
    for name, text in given.items():
        _check(name, text)
    _check_present(person, given)
    country = country_of(given["country"])
    return Payee(
        person, given["name"], given["town"], country, tuple(line for line in (given["line1"], given["line2"]) if line),
        currency_of(given["currency"]) if given["currency"] else "", iban_of(given["iban"]) if given["iban"] else "",
        bic_of(given["bic"]), given["wise_id"], given["wise_email"], given["tax_form"],
        country_of(given["tax_country"], "tax country") if given["tax_country"] else country,
    )  # fmt: skip


def _check(name: str, text: str) -> None:
    limit = LONGEST["line"] if name.startswith("line") else LONGEST.get(name)
    if limit and len(text) > limit:
        raise BadPayee(f"the {_word(name)} has {len(text)} characters, {limit} are the most that payment files take; shorten it")
    if any(unicodedata.category(c)[0] == "C" for c in text):
        raise BadPayee(f"the {_word(name)} holds control characters; write it anew")
    if name != "iban" and holds_iban(text):
        raise BadPayee(f"the {_word(name)} is an account number; give that as the IBAN, where it is stored sealed")


def _check_present(person: str, given: Mapping[str, str]) -> None:
    missing = [name for name in ("name", "town", "country") if not given[name]]
    if not person:
        raise BadPayee("the person is missing; give the key that byline people list shows")
    if missing:
        raise BadPayee(f"the {' and the '.join(missing)} missing; banks refuse payments without name, town and country")
    if not (given["iban"] or given["wise_id"] or given["wise_email"]):
        raise BadPayee("there is no account to pay to; give an IBAN, or a recipient id or e-mail address of Wise")
    if given["wise_email"] and "@" not in given["wise_email"]:
        raise BadPayee("the e-mail address of the Wise recipient holds no @; check it")


def _word(name: str) -> str:
    return {"line1": "first postal line", "line2": "second postal line", "iban": "IBAN", "bic": "BIC"}.get(
        name, name.replace("_", " ")
    )


def write_payee(conn: sqlite3.Connection, payee: Payee, vault: Vault | None, date: str) -> tuple[str, ...]:
    """Stores a payee; which fields that changed. Raises KeyProblem when numbers here were sealed with another key.

    vault may be None for a payee without an IBAN. The caller has a transaction open.
    """
    before = conn.execute(f"{READ} where person = ?", (payee.person,)).fetchone()
    account = _account(conn, payee, vault, before[6] if before else None)
    row = (
        payee.name, payee.town, payee.country, json.dumps(payee.lines), payee.currency, account, payee.bic,
        payee.wise_id, payee.wise_email, payee.tax_form, payee.tax_country,
    )  # fmt: skip
    was = before[1:] if before else (None,) * len(row)
    changed = tuple(name for name, old, new in zip(COLUMNS, was, row, strict=True) if old != new)
    if changed:
        conn.execute(WRITE, (payee.person, *row))
        if before and before[6] != account:  # the number before, unless something was paid to it
            conn.execute(FORGET, (before[6],))
        conn.execute(
            "insert into payee_change (person, date, changed) values (?, ?, ?)",
            (payee.person, date, ", ".join(changed) if before else "new"),
        )
    return changed


def _account(conn: sqlite3.Connection, payee: Payee, vault: Vault | None, known: int | None) -> int | None:
    """The number of the sealed row: the one there is when it holds this IBAN, else a new one."""
    if not payee.iban:
        return None
    if vault is None:
        raise BadPayee(f"{payee.person}: an IBAN needs the key it is sealed with; give --key")
    check_key(conn, vault)
    if known is not None and unsealed(conn, known, vault) == payee.iban:
        return known
    return seal(conn, payee.person, payee.iban, vault)


def seal(conn: sqlite3.Connection, owner: str, iban: str, vault: Vault) -> int:
    """Stores an account number sealed; its number."""
    row = (owner, vault.seal(owner, iban), masked(iban))
    return conn.execute("insert into sealed (owner, token, shown) values (?, ?, ?)", row).lastrowid or 0


def unsealed(conn: sqlite3.Connection, number: int, vault: Vault) -> str:
    """The account number in that row, whole. Raises KeyProblem."""
    owner, token = conn.execute("select owner, token from sealed where id = ?", (number,)).fetchone()
    return vault.unseal(owner, token)


def check_key(conn: sqlite3.Connection, vault: Vault) -> None:
    """Raises KeyProblem when what is sealed here was sealed with another key."""
    row = conn.execute("select owner, token from sealed order by id limit 1").fetchone()
    if row:
        vault.unseal(*row)


def rekey(conn: sqlite3.Connection, old: Vault, new: Vault) -> int:
    """Seals every account number with another key, all or none; how many. Raises KeyProblem."""
    with transaction(conn):
        rows = conn.execute("select id, owner, token from sealed order by id").fetchall()
        for number, owner, token in rows:
            conn.execute("update sealed set token = ? where id = ?", (new.seal(owner, old.unseal(owner, token)), number))
    return len(rows)


def read_payee(conn: sqlite3.Connection, person: str, vault: Vault | None = None) -> tuple[Payee, int | None] | None:
    """A payee and the number of the sealed account, or None. Without a vault the IBAN is masked."""
    row = conn.execute(f"{READ} where person = ?", (person,)).fetchone() if has_tables(conn) else None
    if row is None:
        return None
    account = row[6]
    iban = ""
    if account is not None:
        iban = unsealed(conn, account, vault) if vault else _shown(conn, account)
    return Payee(row[0], row[1], row[2], row[3], tuple(json.loads(row[4])), row[5], iban, *row[7:]), account


def _shown(conn: sqlite3.Connection, account: int) -> str:
    return str(conn.execute("select shown from sealed where id = ?", (account,)).fetchone()[0])


def listed(conn: sqlite3.Connection) -> Iterator[dict[str, Any]]:
    """Every payee by the person's key as may be shown: the account number masked."""
    if not has_tables(conn):
        return
    for (person,) in conn.execute("select person from payee order by person").fetchall():
        yield shown(conn, person)


def shown(conn: sqlite3.Connection, person: str) -> dict[str, Any]:
    """One payee as may be shown, with what was changed when. Raises BadPayee when nothing is known of the person's account."""
    found = read_payee(conn, person)
    if found is None:
        raise BadPayee(f"{person}: no payee details are stored; byline payees set stores them")
    payee = found[0]
    row: dict[str, Any] = {f.name: getattr(payee, f.name) for f in fields(Payee)}
    changes = conn.execute("select date, changed from payee_change where person = ? order by id", (person,))
    return {**row, "lines": list(payee.lines), "changes": [{"date": date, "changed": what} for date, what in changes]}
