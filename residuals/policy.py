"""Policies: who gets which part of what, as a TOML file in which every number is exact. What it leaves out is the default's."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from residuals.errors import MoneyError, PolicyError
from residuals.money import currency_of, parse_amount

DEFAULT = Path(__file__).with_name("default_policy.toml")
MOST_BYTES = 1 << 20
RELATIONS = ("copy", "remake", "style")
UNEXPLAINED = ("hold", "return", "equal")
CREDIT_STATES = ("claimed", "documented", "corroborated", "verified")
OTHER = "other"
DEBTOR = ("name", "iban", "bic", "town", "country", "street", "postcode")
TABLES = ("name", "output", "owners", "credits", "relations", "roles", "guilds", "minimum_payout", "withholding", "debtor")


@dataclass(frozen=True)
class Policy:
    """One policy. Fractions are exact parts of a whole; minimum_payout is in microcents by currency.

    of_revenue: part of an output's revenue that is shared out where the vendor declared no pool; unexplained: what becomes of
    money that no work explains; owners: part of a work's money for its rights holders; guilds: role weights of their own.
    """

    name: str
    of_revenue: Fraction
    unexplained: str
    owners: Fraction
    credits_from: str
    relations: Mapping[str, Fraction]
    roles: Mapping[str, Fraction]
    guilds: Mapping[str, Mapping[str, Fraction]]
    minimum_payout: Mapping[str, int]
    withholding: Mapping[str, Fraction]
    debtor: Mapping[str, str]
    sha256: str

    def weight(self, role: str, guild: str) -> Fraction:
        """The weight of a role, by the guild's own table when it has one that names the role."""
        own = self.guilds.get(guild, {})
        return own[role] if role in own else self.roles.get(role, self.roles[OTHER])


def load_policy(path: Path | None) -> Policy:
    """The policy in a file, completed by the default one; None for the default itself. Raises PolicyError with file and line."""
    default = _read(DEFAULT)
    own = _read(path) if path else None
    given = own or default
    values = {
        table: {**_table(default.values, table), **_table(given.values, table)}
        for table in ("relations", "roles", "output", "owners", "credits", "minimum_payout", "withholding", "debtor")
    }
    return Policy(
        name=str(given.values.get("name", "") or given.path.stem),
        of_revenue=given.part("output", "of_revenue", values),
        unexplained=given.one_of("output", "unexplained", values, UNEXPLAINED),
        owners=given.part("owners", "part", values),
        credits_from=given.one_of("credits", "from", values, CREDIT_STATES),
        relations=given.parts("relations", values),
        roles=given.weights("roles", values["roles"]),
        guilds={name: given.weights(f"guilds.{name}", table) for name, table in _table(given.values, "guilds").items()},
        minimum_payout=given.amounts("minimum_payout", values),
        withholding=given.parts("withholding", values),
        debtor={key: str(value) for key, value in values["debtor"].items()},
        sha256=hashlib.sha256(b"\0".join(file.data for file in (default, own) if file)).hexdigest(),
    )


def _table(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    return dict(values.get(name, {}))


@dataclass(frozen=True)
class _File:
    """A policy file as read, which knows on which line each key stands."""

    path: Path
    data: bytes
    values: Mapping[str, Any]

    def wrong(self, table: str, key: str, why: str) -> PolicyError:
        line = _line_of(self.data.decode(), table, key)
        where = f"{self.path}, line {line}" if line else str(self.path)
        return PolicyError(f"{where}: {f'{table}.{key}' if table else key} {why}")

    def part(self, table: str, key: str, values: Mapping[str, Mapping[str, Any]]) -> Fraction:
        """A number from 0 to 1."""
        number = self.number(table, key, values[table][key])
        if number > 1:
            raise self.wrong(table, key, f"is {values[table][key]}, more than the whole; write a part from 0 to 1")
        return number

    def parts(self, table: str, values: Mapping[str, Mapping[str, Any]]) -> dict[str, Fraction]:
        return {key: self.part(table, key, values) for key in values[table]}

    def weights(self, table: str, values: Mapping[str, Any]) -> dict[str, Fraction]:
        return {key.strip().casefold(): self.number(table, key, value) for key, value in values.items()}

    def number(self, table: str, key: str, value: object) -> Fraction:
        """An exact number of at least 0: 0.25, 3 or "1/3"."""
        text = value if isinstance(value, str) else str(value)
        fits = re.fullmatch(r"\d{1,18}(\.\d{1,18})?|\d{1,18}/[1-9]\d{0,17}", text, re.ASCII)
        if isinstance(value, bool) or not isinstance(value, (int, str, Decimal)) or not fits:
            raise self.wrong(table, key, f'is "{text[:40]}"; write a number of at least 0 such as 0.25, 3 or "1/3"')
        return Fraction(text)

    def one_of(self, table: str, key: str, values: Mapping[str, Mapping[str, Any]], allowed: tuple[str, ...]) -> str:
        value = values[table][key]
        if value not in allowed:
            raise self.wrong(table, key, f'is "{value}"; write one of {", ".join(allowed)}')
        return str(value)

    def amounts(self, table: str, values: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
        amounts = {}
        for key, value in values[table].items():
            try:
                amounts[currency_of(key)] = parse_amount(value if isinstance(value, (int, Decimal)) else str(value))
            except MoneyError as error:
                raise self.wrong(table, key, f"cannot be used: {error}") from None
        return amounts


def _read(path: Path) -> _File:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise PolicyError(f"{path}: the policy cannot be read ({error.strerror}); check the path") from None
    if len(data) > MOST_BYTES:
        raise PolicyError(f"{path}: is larger than a policy can be; check the path")
    try:
        file_ = _File(path, data, tomllib.loads(data.decode(), parse_float=Decimal))
    except UnicodeDecodeError:
        raise PolicyError(f"{path}: is not UTF-8 text; save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{path}: is not TOML: {error}") from None
    _check_names(file_)
    return file_


KEYS: dict[str, tuple[str, ...]] = {
    "output": ("of_revenue", "unexplained"),
    "owners": ("part",),
    "credits": ("from",),
    "relations": RELATIONS,
    "debtor": DEBTOR,
}


def _check_names(file: _File) -> None:
    """A misspelt key would be a rule that is not applied."""
    for name, value in file.values.items():
        if name not in TABLES:
            raise file.wrong("", name, f"is unknown; a policy has {', '.join(TABLES)}")
        if name == "name":
            continue
        if not isinstance(value, dict):
            raise file.wrong("", name, f"is no table; write [{name}] and its lines below")
        for key, inner in value.items():
            _check_key(file, name, key, inner)


def _check_key(file: _File, table: str, key: str, value: object) -> None:
    if table in KEYS and key not in KEYS[table]:
        raise file.wrong(table, key, f"is unknown; [{table}] has {', '.join(KEYS[table])}")
    if (table == "guilds") != isinstance(value, dict):
        told = '[guilds."NAME"] with roles and weights below' if table == "guilds" else f"{key} = ..."
        raise file.wrong(table, key, f"is of the wrong kind; write {told}")
    if table == "withholding" and not re.fullmatch(r"[A-Z]{2}", key):
        raise file.wrong(table, key, "is no country; write two capitals as in ISO 3166, such as US")


def _line_of(text: str, table: str, key: str) -> int:
    """On which line a key of a table stands; 0 when it cannot be told."""
    current = ""
    for number, line in enumerate(text.splitlines(), 1):
        head = re.match(r"\s*\[([^\[\]]+)\]", line)
        if head:
            current = ".".join(part.strip().strip("\"'") for part in head[1].split("."))
            if not table and current.split(".")[0] == key or f"{table}.{key}" == current:
                return number
        elif current == table and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[=.]", line):
            return number
    return 0
