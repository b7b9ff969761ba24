"""People: one by identifier, never by name alone across works; keys that stay; registries of schema 1 brought up to date."""

from __future__ import annotations

import gzip
import sqlite3
from decimal import Decimal
from pathlib import Path

import pytest
from sqlite_utils import Database

from registry.errors import OlderRegistry, UnknownWork
from registry.hits import Credit, Credited
from registry.schema import MIGRATIONS
from registry.store import Registry, open_registry
from registry.version import SCHEMA
from tests.registry_makers import SCHEMES, entry, random_media

DATA = Path(__file__).with_name("data")
ORCID = "orcid:0000-0002-1825-0097"


@pytest.fixture
def registry(tmp_path: Path):
    with open_registry(tmp_path / "r.db", create=True, schemes=SCHEMES) as handle:
        yield handle


def work(registry: Registry, work_id: str, *credits: Credit, **more: object) -> tuple[str, ...]:
    """Registers a work; the conflicts among its credits."""
    return registry.add([entry(work_id, random_media(abs(hash(work_id)) % 10_000), credits=credits, **more)])[0].conflicts


def keys(registry: Registry, work_id: str) -> list[str]:
    return [c.person for c in registry.credited(work_id)]


def test_a_name_alone_is_one_person_in_one_work_only(registry: Registry):
    work(registry, "a", Credit("Ana Ruiz", "composer"), Credit("ana  RUIZ", "singer"), Credit("Bo", "gaffer"))
    work(registry, "b", Credit("Ana Ruiz", "composer"))
    assert keys(registry, "a") == ["work:a:Ana Ruiz", "work:a:Ana Ruiz", "work:a:Bo"]
    assert keys(registry, "b") == ["work:b:Ana Ruiz"]


def test_credits_as_money_sees_them(registry: Registry):
    work(registry, "a", Credit("Ana", "gaffer", ORCID, Decimal("0.33333"), "SCG"), Credit("Bo", "best boy"), holders=("Label",))
    assert registry.credited("a") == (
        Credited(ORCID, "Ana", "gaffer", Decimal("0.33333"), "SCG", "claimed", "claimed"),
        Credited("work:a:Bo", "Bo", "best boy", None, "", "claimed", "claimed"),
    )
    assert registry.holders("a") == ("Label",)
    assert registry.has_work("a") and not registry.has_work("b")
    registry.withdraw("a", "")
    assert registry.has_work("a")
    assert registry.payee("work:a:Bo") == ("Bo", "claimed")
    for ask in (registry.payee, registry.credited, registry.holders, registry.current_key):
        with pytest.raises(UnknownWork):
            ask("nobody")


def test_two_identifiers_of_one_row_are_one_person_from_then_on(registry: Registry):
    work(registry, "a", Credit("Ana", "composer", ORCID, also=("ipi:14107338",)))
    work(registry, "b", Credit("A. Ruiz", "composer", "IPI:00014107338"))
    work(registry, "c", Credit("Ana Ruiz", "composer", "https://orcid.org/0000-0002-1825-0097".replace("https", "orcid:https")))
    assert keys(registry, "a") == keys(registry, "b") == keys(registry, "c") == [ORCID]
    (shown,) = registry.person("A. Ruiz")
    assert shown["identifiers"] == ["ipi:00014107338", ORCID]
    assert shown["other_names"] == ["A. Ruiz", "Ana Ruiz"]


def test_identifiers_of_two_people_in_one_row_are_a_conflict_and_merge_nobody(registry: Registry):
    work(registry, "a", Credit("Ana", "composer", ORCID))
    work(registry, "b", Credit("Bo", "singer", "guild:7"))
    (conflict,) = work(registry, "c", Credit("Ana", "x", ORCID, also=("guild:7",), where="c.csv, line 3"), Credit("Cy", "y"))
    assert conflict.startswith("c.csv, line 3: Ana (x): two people are meant")
    assert "byline people merge" in conflict
    assert keys(registry, "c") == ["work:c:Cy"]
    assert [p["works"] for p in registry.people()] == [1, 1, 1]


def test_a_second_orcid_for_one_person_is_a_conflict(registry: Registry):
    work(registry, "a", Credit("Ana", "composer", "guild:7", also=(ORCID,)))
    (conflict,) = work(registry, "b", Credit("Ana", "composer", "guild:7", also=("orcid:0000-0001-5109-3700",)))
    assert ORCID in conflict and "ask which is right" in conflict
    (conflict,) = work(registry, "c", Credit("Bo", "x", "orcid:0000-0001-5109-3700", also=(ORCID,)))
    assert "cannot belong to one person" in conflict


def test_inside_one_work_the_name_finds_the_identifier_in_either_order(registry: Registry):
    work(registry, "a", Credit("Ana", "composer"), Credit("Ana", "singer", ORCID))
    assert keys(registry, "a") == [ORCID, ORCID]
    assert [c.role for c in registry.credited("a")] == ["composer", "singer"]


def test_two_of_one_name_on_one_work_stay_two(registry: Registry):
    work(registry, "a", Credit("Jo", "x", "guild:1"), Credit("Jo", "y", "guild:2"), Credit("Jo", "z"), Credit("Jo", "w"))
    assert keys(registry, "a") == ["guild:1", "guild:2", "work:a:Jo", "work:a:Jo"]


def test_a_human_stands_once_in_a_role_on_a_work(registry: Registry):
    share = Decimal("0.5")
    conflicts = work(
        registry, "a", Credit("Jo", "x"), Credit("Jo", "x", "", share), Credit("Jo", "x", "", Decimal("0.50")),
        Credit("Jo", "x", "", Decimal("0.4")), Credit("Jo", "x", guild="G"), Credit("Jo", "x", guild="H"),
    )  # fmt: skip
    assert registry.credited("a") == (Credited("work:a:Jo", "Jo", "x", share, "G", "claimed", "claimed"),)
    assert ["the share 0.5, here it is 0.4" in conflicts[0], 'the guild "G"' in conflicts[1]] == [True, True]


# Registries of schema 1


def schema_1(path: Path) -> None:
    """A registry as the first schema had it: Ana by name alone on two works, Bo by an identifier, shares as floats."""
    conn = sqlite3.connect(path, isolation_level=None)
    MIGRATIONS.apply(Database(conn), stop_before="0002_people")
    assert conn.execute("pragma user_version").fetchone()[0] == 1
    row = "insert into work values (?, ?, 'T', 'audio', '', '', '', ?, '', ?, 'live', 1)"
    extra = '{"isrc":"GB-AYE-97-00001; wrong","year":"1999"}'
    conn.executemany(row, [(1, "a", "1" * 64, extra), (2, "b", "2" * 64, "{}")])
    conn.execute("update meta set value = '2' where name = 'works'")
    people = [(1, "Ana"), (2, "Bo"), (3, "Cy"), (4, "Cy")]
    conn.executemany("insert into person values (?, ?)", people)
    conn.execute("insert into plain_name values ('Ana', 1)")
    found = [("orcid:0000000218250097", 2), ("odd", 3), ("isni:000000012281955X", 3), ("isni:0000 0001 2281 955X", 4)]
    conn.executemany("insert into identifier values (?, ?)", found)
    credits = [
        (1, 0, 1, "Ana", "composer", "", 0.1), (1, 1, 2, "B. O.", "singer", "orcid:0000000218250097", None),
        (2, 0, 1, "Ana", "singer", "", 1 / 3), (2, 1, 3, "Cy", "x", "odd", 0.0),
        (2, 2, 4, "Cy", "x", "isni:0000 0001 2281 955X", 1.0),
    ]  # fmt: skip
    conn.executemany("insert into credit values (?, ?, ?, ?, ?, ?, ?)", credits)
    conn.execute("insert into holder values (1, 0, 'Label')")
    conn.close()


def test_a_registry_of_schema_1_is_brought_up_to_date_and_nothing_is_lost(tmp_path: Path):
    path = tmp_path / "r.db"
    schema_1(path)
    with pytest.raises(OlderRegistry, match="byline registry merge upgrades it"):
        open_registry(path, schemes=SCHEMES)
    with open_registry(path, write=True, schemes=SCHEMES) as registry:
        assert registry.revision()["schema"] == SCHEMA == 2
        assert registry.credited("a") == (
            Credited("work:a:Ana", "Ana", "composer", Decimal("0.1"), "", "claimed", "claimed"),
            Credited(ORCID, "B. O.", "singer", None, "", "claimed", "claimed"),
        )
        third = Decimal("0.3333333333333333")
        assert [(c.person, c.share) for c in registry.credited("b")] == [
            ("work:a:Ana", third), ("isni:000000012281955X", Decimal("0.0")), ("isni:0000 0001 2281 955X", Decimal("1.0"))
        ]  # fmt: skip
        assert registry.holders("a") == ("Label",)
        assert registry.show("a")["identifiers"] == ["isrc:GBAYE9700001"]
        assert registry.check() == []
        assert [p["name"] for p in registry.people()] == ["Ana", "Bo", "Cy", "Cy"]
        assert registry.person("B. O.")[0]["name"] == "Bo"
        # Ana of schema 1 may be several: an identifier found on one work takes that work's credit, no other.
        registry.add([entry("c", random_media(1), credits=(Credit("Ana", "editor"),))])
        assert keys(registry, "c") == ["work:c:Ana"]


def test_the_registry_of_the_first_version_keeps_everybody(tmp_path: Path):
    path = tmp_path / "first.db"
    path.write_bytes(gzip.decompress((DATA / "registry-1.db.gz").read_bytes()))
    conn = sqlite3.connect(path)
    before = conn.execute("select work, place, person, name, role, identifier, share from credit order by 1, 2").fetchall()
    people = conn.execute("select id, name from person order by 1").fetchall()
    conn.close()
    open_registry(path, write=True).close()
    conn = sqlite3.connect(path)
    after = conn.execute("select work, place, person, name, role, identifier, share from credit order by 1, 2").fetchall()
    assert after == before and len(before) > 30
    assert conn.execute("select id, name from person where key <> '' order by 1").fetchall() == people
    assert conn.execute("select count(distinct key) from person").fetchone()[0] == len(people)
    conn.close()


@pytest.mark.parametrize("table", ["person_move", "person_merge", "issuer", "credential"])
def test_what_is_recorded_of_people_cannot_be_changed(registry: Registry, table: str):
    conn = registry.file.conn
    conn.execute("pragma foreign_keys = off")
    columns = [row[1:3] for row in conn.execute(f"pragma table_info({table})")]
    values = [i + 1 if kind == "INTEGER" else "x" for i, (_, kind) in enumerate(columns)]
    values = [1 if name == "trusted" else value for (name, _), value in zip(columns, values, strict=True)]
    conn.execute(f"insert into {table} values ({', '.join('?' * len(values))})", values)
    for statement in (f"update {table} set at = 'y'", f"delete from {table}"):
        with pytest.raises(sqlite3.IntegrityError, match="only added to"):
            conn.execute(statement)
