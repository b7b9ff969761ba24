"""People's states and the moves between them with their evidence; namesakes, merges by humans."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from decimal import Decimal
from pathlib import Path

import pytest

from registry.hits import Credit
from registry.store import Registry, open_registry
from registry.verification import MOVES, RISING, STATES, Refused, Vouching
from tests.registry_makers import SCHEMES, entry, random_media

ORCID = "orcid:0000-0002-1825-0097"


def by(evidence: str = "e", how: str = "passport seen") -> Vouching:
    return Vouching("clerk", how, hashlib.sha256(evidence.encode()).hexdigest(), "2026-11-28T12:00:00+00:00")


@pytest.fixture
def registry(tmp_path: Path):
    """Ana by ORCID on two works, Bo by name, on each apart."""
    with open_registry(tmp_path / "r.db", create=True, schemes=SCHEMES) as handle:
        ana, bo = Credit("Ana Ruiz", "gaffer", ORCID, also=("guild:7",)), Credit("Bo", "best boy")
        handle.add([entry("a", random_media(1), credits=(ana, bo)), entry("b", random_media(2), credits=(ana, bo))])
        yield handle


# States


def test_moves_are_recorded_with_who_when_how_and_evidence(registry: Registry):
    for state, evidence in (("documented", "1"), ("corroborated", "2"), ("verified", "2")):
        registry.humans.move(ORCID, state, by(evidence))
    assert registry.payee(ORCID) == ("Ana Ruiz", "verified")
    moves = registry.humans.about("Ana Ruiz")["moves"]
    assert [(m["was"], m["state"]) for m in moves] == [
        ("claimed", "documented"), ("documented", "corroborated"), ("corroborated", "verified")
    ]  # fmt: skip
    assert moves[0] == {
        "at": "2026-11-28T12:00:00+00:00", "credit": "", "was": "claimed", "state": "documented", "by": "clerk",
        "how": "passport seen",
        "evidence": hashlib.sha256(b"1").hexdigest(),
    }  # fmt: skip


@pytest.mark.parametrize("was", STATES)
@pytest.mark.parametrize("state", STATES)
def test_only_the_moves_that_are_written_down_are_allowed(registry: Registry, was: str, state: str):
    registry.file.conn.execute("update person set state = ? where key = ?", (was, ORCID))
    if state in MOVES[was]:
        assert registry.humans.move(ORCID, state, by()).was == was
        assert registry.payee(ORCID)[1] == state
    else:
        with pytest.raises(Refused, match=f"is {was}; from there one gets to"):
            registry.humans.move(ORCID, state, by())
        assert registry.payee(ORCID)[1] == was


def test_corroborated_needs_a_second_source(registry: Registry):
    registry.humans.move(ORCID, "documented", by("1"))
    with pytest.raises(Refused, match="second source"):
        registry.humans.move(ORCID, "corroborated", by("1", "seen again"))


def test_a_credit_has_a_state_of_its_own(registry: Registry):
    registry.humans.move(ORCID, "disputed", by(), "b:gaffer")
    assert [c.credit_state for c in registry.credited("a") + registry.credited("b")] == [
        "claimed",
        "claimed",
        "disputed",
        "claimed",
    ]
    assert registry.payee(ORCID)[1] == "claimed"
    assert registry.humans.about(ORCID)["moves"][0]["credit"] == "b:gaffer"
    with pytest.raises(Refused, match="no credit b:singer; their credits are a:gaffer, b:gaffer"):
        registry.humans.move(ORCID, "disputed", by(), "b:singer")


@pytest.mark.parametrize(
    "vouching", [Vouching("", "h", "0" * 64, ""), Vouching("w", " ", "0" * 64, ""), Vouching("w", "h", "x", "")]
)
def test_a_move_needs_somebody_a_way_and_evidence(registry: Registry, vouching: Vouching):
    with pytest.raises(Refused, match="needs somebody"):
        registry.humans.move(ORCID, "verified", vouching)


def test_a_name_that_several_bear_is_not_enough(registry: Registry):
    with pytest.raises(Refused, match="2 people are called that: .*work:a:Bo.*work:b:Bo"):
        registry.humans.move("Bo", "verified", by())


# Twins and merges


def test_twins_are_listed_and_merged_by_a_human_only(registry: Registry):
    (pair,) = registry.humans.twins()
    assert [p["key"] for p in pair["people"]] == ["work:a:Bo", "work:b:Bo"]
    registry.humans.move("work:a:Bo", "verified", by())
    before = registry.revision()
    moved = registry.humans.merge("work:a:Bo", "work:b:Bo", "they told us", "clerk", "2026")
    assert (moved.person, moved.was, moved.state) == ("work:b:Bo", "claimed", "verified")
    assert registry.revision() != before
    assert list(registry.humans.twins()) == []
    assert [c.person for c in registry.credited("a")] == [ORCID, "work:b:Bo"]
    assert registry.payee("work:a:Bo") == registry.payee("work:b:Bo") == ("Bo", "verified")
    assert registry.current_key("work:a:Bo") == "work:b:Bo"
    row = registry.file.conn.execute("select because, who, detail, at from person_merge").fetchone()
    assert (row[0], row[1], row[3]) == ("they told us", "clerk", "2026")
    assert json.loads(row[2]) == {"identifiers": [], "credits": [["a", 1]], "state": "verified"}
    with pytest.raises(Refused, match="one person already"):
        registry.humans.merge("work:a:Bo", "work:b:Bo", "again", "clerk", "")
    registry.add([entry("c", random_media(3), credits=(Credit("Bo", "x"),))])  # the name alone still merges nobody
    assert [c.person for c in registry.credited("c")] == ["work:c:Bo"]


def test_a_credit_that_both_have_counts_once_after_a_merge(registry: Registry):
    half = Decimal("0.5")
    registry.add(
        [entry("c", random_media(3), credits=(Credit("Ana R.", "gaffer", "", half), Credit("Ana Ruiz", "gaffer", ORCID, half)))]
    )
    registry.humans.merge("work:c:Ana R.", ORCID, "the same", "clerk", "")
    assert [(c.person, c.credit_state) for c in registry.credited("c")] == [(ORCID, "rejected"), (ORCID, "claimed")]
    registry.add([entry("d", random_media(4), credits=(Credit("A.", "gaffer", "", half), Credit("Ana Ruiz", "gaffer", ORCID)))])
    with pytest.raises(Refused, match="different shares"):
        registry.humans.merge("work:d:A.", ORCID, "the same", "clerk", "")
    assert registry.credited("d")[0].person == "work:d:A."


def test_whoever_has_two_orcids_or_a_dispute_is_not_merged(registry: Registry):
    registry.humans.identify("work:a:Bo", ("orcid:0000-0001-5109-3700",))
    with pytest.raises(Refused, match="they cannot be one"):
        registry.humans.merge("work:a:Bo", ORCID, "x", "clerk", "")
    registry.humans.move("work:a:Bo", "disputed", by())
    with pytest.raises(Refused, match="is disputed; settle that before merging"):
        registry.humans.merge("work:b:Bo", "work:a:Bo", "x", "clerk", "")
    with pytest.raises(Refused, match="needs a reason"):
        registry.humans.merge("work:b:Bo", ORCID, " ", "clerk", "")


def test_further_identifiers(registry: Registry):
    assert registry.humans.identify(ORCID, ("ipi:14107338", "guild:7")) == ["ipi:00014107338"]
    for wrong, words in (
        ("orcid:0000-0001-5109-3700", "ask which is right"),
        ("ipi:14107339", "check digit"),
        ("x", "no identifier"),
    ):
        with pytest.raises(Refused, match=words):
            registry.humans.identify(ORCID, (wrong,))
    with pytest.raises(Refused, match="guild:7 belongs to Ana Ruiz"):
        registry.humans.identify("work:a:Bo", ("guild:7",))


# The command line


def test_the_commands_for_moves_twins_and_merges(registry: Registry, tmp_path: Path, byline):
    registry.close()
    where = ("--registry", tmp_path / "r.db")
    paper = tmp_path / "paper.txt"
    paper.write_text("seen")
    how = ("--by", "clerk", "--how", "contract seen", "--evidence", paper, *where)
    assert byline("people", "move", ORCID, "documented", *how).stdout == f"Ana Ruiz ({ORCID}): documented, before claimed\n"
    assert byline("people", "move", ORCID, "disputed", "--credit", "a:gaffer", *how).exit_code == 0
    assert "credit disputed" in byline("people", "show", ORCID, *where).stdout
    wrong = byline("people", "move", ORCID, "claimed", *how)
    assert (wrong.exit_code, "from there one gets to corroborated" in wrong.stderr) == (1, True)
    assert (
        byline("people", "move", ORCID, "verified", "--by", "c", "--how", "h", "--evidence", tmp_path / "no", *where).exit_code
        == 2
    )
    assert "person 2: no identifier, claimed, 1 work: a" in byline("people", "twins", *where).stdout
    assert byline("people", "identify", "work:a:Bo", "guild:9", *where).stdout == "work:a:Bo: guild:9\n"
    merged = byline("people", "merge", "work:b:Bo", "guild:9", "--because", "he said so", "--by", "clerk", *where)
    assert merged.stdout == "Bo (work:a:Bo): still claimed\n"
    assert "No two people" in byline("people", "twins", *where).stdout


def test_people_who_were_merged_stay_in_the_file(registry: Registry):
    registry.humans.merge("work:a:Bo", "work:b:Bo", "x", "clerk", "")
    assert registry.check() == []
    assert registry.stats()["people"] == 2
    assert len(registry.person("Bo")) == 1
    with pytest.raises(sqlite3.IntegrityError):
        registry.file.conn.execute("delete from person_merge")


def test_the_rising_states_end_with_verified():
    assert RISING == ("claimed", "documented", "corroborated", "verified")
    assert all(set(targets) <= set(STATES) for targets in MOVES.values()) and set(MOVES) == set(STATES)
