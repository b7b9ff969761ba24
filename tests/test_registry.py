"""The registry: what is put in is found, by the same hits as in memory; withdrawn works and twins."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fingerprint.features import Media, Part
from registry.errors import UnknownWork
from registry.hits import Credit, Hits
from registry.memory import MemoryIndex
from registry.store import Registry, open_registry
from tests.registry_makers import BANDED, EXACT, SCHEMES, entry, exact, media_of, random_media


@pytest.fixture
def registry(tmp_path: Path):
    with open_registry(tmp_path / "r.db", create=True, schemes=SCHEMES) as opened:
        yield opened


def same_hits(a: Hits, b: Hits) -> None:
    for name in ("output_row", "fingerprint_id", "work_position", "rarity"):
        left, right = getattr(a, name), getattr(b, name)
        assert left.dtype == right.dtype
        np.testing.assert_array_equal(left, right)


KEYS = st.lists(st.integers(-4, 4) | st.sampled_from([-(2**63), 2**63 - 1, 2**40]), min_size=0, max_size=30)


@settings(max_examples=25, deadline=None)
@given(
    batches=st.lists(st.lists(KEYS, min_size=1, max_size=4), min_size=1, max_size=4),
    probes=KEYS,
    gone=st.sets(st.integers(0, 15)),
)
def test_hits_are_those_of_the_index_in_memory(tmp_path_factory, batches, probes, gone):
    path = tmp_path_factory.mktemp("r") / "r.db"
    keys = np.array(probes, np.int64).reshape(-1, 1)
    with open_registry(path, create=True, schemes=SCHEMES) as registry:
        works = []
        for batch in batches:
            new = [(f"w{i}", media_of(k, f"file {i}", 10.0 + i)) for i, k in enumerate(batch, len(works))]
            registry.add([entry(*work) for work in new])
            works += new
        alive = [w for i, w in enumerate(works) if i not in gone]
        for i, w in enumerate(works):
            if i in gone:
                registry.withdraw(w[0], "asked for")
        index = MemoryIndex([(w, m.parts) for w, m in alive], SCHEMES)
        expected = index.lookup(EXACT.name, keys)
        numbers = np.array([i for i in range(len(works)) if i not in gone], np.int32)
        if len(expected):
            expected = Hits(expected.output_row, numbers[expected.fingerprint_id], expected.work_position, expected.rarity)
        same_hits(registry.lookup(EXACT.name, keys), expected)
        assert registry.works_count() == len(alive) and registry.holds(EXACT.name) == index.holds(EXACT.name)


@pytest.mark.parametrize("batch", [1, 3, 40])
def test_random_media_give_the_hits_of_memory(tmp_path, batch):
    media = [random_media(i, 400, 3000) for i in range(40)]
    index = MemoryIndex([(f"w{i}", m.parts) for i, m in enumerate(media)], SCHEMES)
    with open_registry(tmp_path / "r.db", create=True, schemes=SCHEMES) as registry:
        for start in range(0, 40, batch):
            registry.add([entry(f"w{i}", media[i]) for i in range(start, min(40, start + batch))])
    with open_registry(tmp_path / "r.db", schemes=SCHEMES) as registry:
        for scheme, part in ((BANDED, 0), (EXACT, 1)):
            keys = np.concatenate([media[i].parts[part].fingerprints[0].keys for i in (3, 17, 39)])
            hits = registry.lookup(scheme.name, keys)
            assert len(hits) > 100
            same_hits(hits, index.lookup(scheme.name, keys))
        for i in (0, 5, 119):
            assert registry.registered(i) == index.registered(i)
            read, kept = registry.fingerprint(i), index.fingerprint(i)
            np.testing.assert_array_equal(read.positions, kept.positions)
            # Keys that follow from the payload are not made again.
            np.testing.assert_array_equal(
                read.keys if read.payload is None else read.payload, kept.keys if kept.payload is None else kept.payload
            )


def test_common_keys_are_capped_over_all_segments(registry: Registry):
    common = 7
    for i in range(4):
        registry.add([entry(f"w{i}", media_of([common] * 501 + [1000 + i]))])
    assert len(registry.lookup(EXACT.name, np.array([[common]]))) == 0
    registry.withdraw("w2", "")
    hits = registry.lookup(EXACT.name, np.array([[common]]))
    assert len(hits) == 3 * 501
    assert set(hits.fingerprint_id.tolist()) == {0, 1, 3}
    registry.restore("w2", "")
    assert len(registry.lookup(EXACT.name, np.array([[common]]))) == 0


def test_unknown_scheme_and_no_keys_give_no_hits(registry: Registry):
    registry.add([entry("w", random_media(1))])
    assert len(registry.lookup("no.such.1", np.array([[1]]))) == 0
    assert len(registry.lookup(EXACT.name, np.zeros((0, 1), np.int64))) == 0
    assert len(registry.lookup(EXACT.name, np.zeros((3, 0), np.int64))) == 0


def test_a_work_comes_back_with_its_credits(registry: Registry):
    credits = (Credit("Ana", "composer", "isni:1", Decimal("0.5")), Credit("Bo", "singer"), Credit("Ana M.", "editor", "isni:1"))
    registry.add([entry("w", random_media(1), credits=credits, holders=("Label",), extra={"isrc": "X", "year": "1999"})])
    assert registry.work("w").credits == credits
    shown = registry.show("w")
    assert shown["extra"] == {"isrc": "X", "year": "1999"}
    assert shown["holders"] == ["Label"]
    assert [p["works"] for p in registry.people()] == [1, 1]
    assert [c["role"] for c in registry.person("isni:1")[0]["credits"]] == ["composer", "editor"]
    with pytest.raises(UnknownWork, match="no work of this id"):
        registry.work("nobody")


def test_people_are_one_by_identifier_and_never_by_name_alone(registry: Registry):
    def with_credit(i: int, credit: Credit):
        return entry(f"w{i}", random_media(i), credits=(credit,))

    named = [
        Credit("A", "x"),
        Credit("A", "y"),
        Credit("A", "z", "isni:1"),
        Credit("A", "z", "isni:2"),
        Credit("B", "z", "isni:1"),
    ]
    registry.add([with_credit(i, c) for i, c in enumerate(named)])
    assert sorted((p["name"], tuple(p["identifiers"]), p["works"]) for p in registry.people()) == [
        ("A", (), 1), ("A", (), 1), ("A", ("isni:1",), 2), ("A", ("isni:2",), 1),
    ]  # fmt: skip


def test_registering_again_changes_nothing(registry: Registry):
    assert registry.add([entry("w", random_media(1)), entry("w", random_media(1))])[1].status == "known"
    before = registry.revision()
    again = registry.add([entry("w", random_media(1)), entry("w", random_media(2))])
    assert [o.status for o in again] == ["known", "conflict"]
    assert registry.revision() == before
    assert registry.known(["w", "x"]) == {"w": f"{1:064x}"}


def test_withdrawn_works_are_gone_at_once_and_the_audit_row_stays(registry: Registry, tmp_path: Path):
    registry.add([entry("a", random_media(1)), entry("b", random_media(2))])
    keys = random_media(1).parts[1].fingerprints[0].keys
    with open_registry(tmp_path / "r.db", schemes=SCHEMES) as reader:
        assert len(reader.lookup(EXACT.name, keys)) == 50
        before = reader.revision()
        assert registry.withdraw("a", "the artist asked", at="2026-01-02")
        assert len(reader.lookup(EXACT.name, keys)) == 0
        assert reader.revision() != before
        assert reader.works_count() == 1
        assert [w["work"] for w in reader.works()] == ["b"]
    assert not registry.withdraw("a", "again")
    assert registry.events("a")[-1] == {"kind": "withdrawn", "work": "a", "detail": "the artist asked", "at": "2026-01-02"}
    assert registry.add([entry("a", random_media(1))])[0].status == "conflict"


def test_a_snapshot_does_not_see_what_is_written_meanwhile(registry: Registry, tmp_path: Path):
    registry.add([entry("a", random_media(1))])
    keys = random_media(1).parts[1].fingerprints[0].keys
    with open_registry(tmp_path / "r.db", schemes=SCHEMES) as reader:
        with reader.snapshot():
            revision = reader.revision()
            registry.withdraw("a", "")
            assert len(reader.lookup(EXACT.name, keys)) == 50
            assert reader.revision() == revision
        assert len(reader.lookup(EXACT.name, keys)) == 0


def test_twins_are_linked_not_doubled_and_inherit(registry: Registry):
    same = random_media(1)
    other_file = Media(same.medium, "f" * 64, same.parts)
    outcomes = registry.add([entry("a", same), entry("b", other_file), entry("c", same)])
    assert [o.twins for o in outcomes] == [(), ("a",), ("a", "b")]
    keys = same.parts[1].fingerprints[0].keys
    assert set(registry.lookup(EXACT.name, keys).fingerprint_id.tolist()) == {1}
    assert registry.work("a").twins == ("b", "c")
    registry.withdraw("a", "")
    hits = registry.lookup(EXACT.name, keys)
    assert {registry.registered(i).work_id for i in set(hits.fingerprint_id.tolist())} == {"b"}
    assert len(hits) == 50
    assert registry.work("b").twins == ("c",)
    registry.restore("a", "")
    assert len(registry.lookup(EXACT.name, keys)) == 50
    registry.withdraw("b", "")
    hits = registry.lookup(EXACT.name, keys)
    assert {registry.registered(i).work_id for i in set(hits.fingerprint_id.tolist())} == {"a"}
    assert len(hits) == 50


def test_a_claimed_file_hash_does_not_hide_a_work(registry: Registry):
    registry.add([entry("claim", media_of([1, 2, 3], "a" * 64))])
    outcome = registry.add([entry("real", media_of([11, 12, 13], "a" * 64))])[0]
    assert outcome.twins == ("claim",)
    assert len(registry.lookup(EXACT.name, np.array([[11], [12]]))) == 2


def test_works_without_features_are_no_twins(registry: Registry):
    silence = Media("audio", "1" * 64, (Part("audio", (10.0,), (exact([]),)),))
    other = Media("audio", "2" * 64, silence.parts)
    assert registry.add([entry("a", silence), entry("b", other)])[1].twins == ()


def test_near_twins_are_linked_by_hand(registry: Registry):
    registry.add([entry("a", random_media(1)), entry("b", random_media(2))])
    before = registry.revision()
    assert registry.link_twins("b", "a")
    assert not registry.link_twins("a", "b")
    assert registry.work("a").twins == ("b",)
    assert registry.revision() != before


NAMES = ["two\nlines", "\N{PILE OF POO}", "nul\0inside", "x" * 100_000, "'); drop table work; --", "\udcff", " ", "\u202e"]


@pytest.mark.parametrize("name", NAMES)
def test_odd_names_are_stored_as_they_are(registry: Registry, name: str):
    made = entry(name, random_media(1), credits=(Credit(name, name, name),), holders=(name,), path=name, extra={name: name})
    registry.add([made])
    stored = name.encode("utf-8", "backslashreplace").decode()
    assert [w["work"] for w in registry.works()] == [stored]
    assert registry.work(name).credits == (Credit(stored, stored, stored),)
    assert registry.person(name)[0]["name"] == stored
    assert registry.withdraw(name, name)
    assert registry.events(name)[-1]["detail"] == stored


def test_nothing_is_searched_row_by_row_when_registering(registry: Registry):
    """Each work costs the same however many there are: every statement of `add` finds its rows through an index."""
    registry.add([entry("a", random_media(1))])
    seen: list[str] = []
    registry.file.conn.set_trace_callback(seen.append)
    registry.add(
        [entry("b", random_media(1), credits=(Credit("A", "x"), Credit("B", "y", "isni:1"))), entry("c", random_media(2))]
    )
    registry.withdraw("a", "")
    registry.file.conn.set_trace_callback(None)
    plans = [
        (statement, row[3])
        for statement in seen
        if statement.startswith(("select", "insert", "update", "delete", "with"))
        for row in registry.file.conn.execute("explain query plan " + statement)
    ]
    assert len(plans) > 20
    large = ("work", "person", "credit", "fingerprint", "packed", "event", "block", "twin", "identifier", "person_name")
    assert [p for p in plans if p[1].startswith("SCAN ") and p[1].split()[1] in large and "limit" not in p[0]] == []
