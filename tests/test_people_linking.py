"""Whatever credits come in whatever order: nobody is merged without reason, and a second time nothing changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.hits import Credit
from registry.linking import Conflict, put
from registry.store import Registry, open_registry
from tests.people_makers import three_works
from tests.registry_makers import SCHEMES

WORKS = {"film": 1, "song": 2, "text": 3}
IDENTIFIERS = ("orcid:0000-0002-1825-0097", "orcid:0000-0001-5109-3700", "guild:1", "guild:2", "ipi:00014107338")
TABLES = ("person", "identifier", "person_name", "credit")

CREDITS = st.lists(
    st.tuples(
        st.sampled_from(sorted(WORKS)), st.sampled_from(("Jo", "JO", "Ana")), st.sampled_from(("x", "y")),
        st.lists(st.sampled_from(IDENTIFIERS), max_size=2, unique=True),
    ),
    max_size=14,
)  # fmt: skip


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    with open_registry(three_works(tmp_path_factory.mktemp("linking") / "r.db"), write=True, schemes=SCHEMES) as handle:
        yield handle


def put_all(registry: Registry, rows: list[tuple[str, str, str, list[str]]]) -> list[str]:
    """What became of each."""
    told = []
    for work, name, role, identifiers in rows:
        try:
            told.append(put(registry.file.conn, WORKS[work], work, Credit(name, role, also=tuple(identifiers))))
        except Conflict:
            told.append("conflict")
    return told


def contents(registry: Registry) -> list[list[tuple[object, ...]]]:
    return [registry.file.conn.execute(f"select * from {name} order by 1, 2").fetchall() for name in TABLES]


@given(CREDITS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
def test_a_second_time_changes_nothing_and_nobody_is_merged_without_reason(registry: Registry, rows):
    conn = registry.file.conn
    conn.execute("begin")
    try:
        put_all(registry, rows)
        before = contents(registry)
        told = put_all(registry, rows)
        assert set(told) <= {"known", "conflict"}
        assert contents(registry) == before
        # Nobody has two ORCIDs.
        twice = "select person from identifier where identifier like 'orcid:%' group by person having count(*) > 1"
        assert conn.execute(twice).fetchall() == []
        # Whoever stands on two works has an identifier, and each of these credits is by an identifier or inside one work.
        for (person,) in conn.execute("select person from credit group by person having count(distinct work) > 1").fetchall():
            assert conn.execute("select 1 from identifier where person = ?", (person,)).fetchone()
        # A human stands once in one role on one work, and nobody has lost their credit.
        doubled = "select 1 from credit group by work, person, role having count(*) > 1"
        assert conn.execute(doubled).fetchall() == []
        assert (
            conn.execute("select 1 from credit c join person p on p.id = c.person where p.merged_into is not null").fetchall()
            == []
        )
    finally:
        conn.execute("rollback")


def test_which_of_two_namesakes_is_meant_without_an_identifier_is_never_guessed(registry: Registry):
    rows = [("text", "Jo", "x", ["guild:1"]), ("text", "Jo", "y", ["guild:2"]), ("text", "Jo", "z", [])]
    registry.file.conn.execute("begin")
    try:
        for _ in range(2):
            put_all(registry, rows)
            assert [c.person for c in registry.credited("text")] == ["guild:1", "guild:2", "work:text:Jo"]
    finally:
        registry.file.conn.execute("rollback")


def test_works_here_are_numbered_as_the_tests_think(tmp_path: Path):
    with open_registry(three_works(tmp_path / "r.db"), schemes=SCHEMES) as registry:
        assert dict(registry.file.conn.execute("select work_id, rank from work").fetchall()) == WORKS
