"""Merging, rebuilding, checking and copying: the answers stay, damage is told."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry import merge as merging
from registry import postings
from registry.errors import RegistryError
from registry.hits import Hits
from registry.merge import MOST_SEGMENTS, smallest
from registry.packing import Layout, Postings, TooWide, blocks_of, exact_layout, in_order, layout_from
from registry.pages import Damaged, Reader, Segment
from registry.segments import find, read, unpacked
from registry.store import Registry, open_registry
from tests.registry_makers import BANDED, EXACT, SCHEMES, entry, media_of, random_media

WORKS = 30


@pytest.fixture
def full(tmp_path: Path):
    with open_registry(tmp_path / "r.db", create=True, schemes=SCHEMES) as opened:
        for i in range(0, WORKS, 3):
            opened.add([entry(f"w{j}", random_media(j, 300, 2000)) for j in range(i, i + 3)])
        yield opened


def answers(registry: Registry) -> list[Hits]:
    keys = [np.concatenate([random_media(i, 300, 2000).parts[p].fingerprints[0].keys for i in (1, 5, 29)]) for p in (0, 1)]
    return [registry.lookup(BANDED.name, keys[0]), registry.lookup(EXACT.name, keys[1])]


def same(a: list[Hits], b: list[Hits]) -> None:
    for left, right in zip(a, b, strict=True):
        for name in ("output_row", "fingerprint_id", "work_position", "rarity"):
            np.testing.assert_array_equal(getattr(left, name), getattr(right, name))


def segments(registry: Registry) -> dict[str, int]:
    return {name: s["segments"] for name, s in registry.stats()["schemes"].items()}


def test_merging_changes_no_answer_and_no_revision(full: Registry):
    before, revision = answers(full), full.revision()
    assert segments(full)[EXACT.name] > 1
    full.merge()
    assert segments(full) == {EXACT.name: 1, BANDED.name: 1, "test.words.1": 0}
    same(answers(full), before)
    assert full.revision() == revision
    assert full.check() == []


def test_merging_forgets_withdrawn_works_for_good(full: Registry):
    for work in ("w1", "w7", "w29"):
        full.withdraw(work, "")
    before = answers(full)
    full.merge()
    same(answers(full), before)
    assert full.check() == []
    with sqlite3.connect(full.path) as conn:
        assert conn.execute("select count(*) from tombstone").fetchone()[0] == 0
        assert conn.execute("select sum(n) from segment").fetchone()[0] == (WORKS - 3) * (300 + 150 * 4)
    full.restore("w7", "")
    full.withdraw("w8", "")
    full.restore("w8", "")
    full.merge()
    assert full.check() == []
    own = full.lookup(EXACT.name, random_media(7, 300, 2000).parts[1].fingerprints[0].keys)
    assert np.sum(own.fingerprint_id == 7 * 3 + 1) >= 300


def test_closing_leaves_few_segments(tmp_path: Path):
    with open_registry(tmp_path / "r.db", create=True, schemes=SCHEMES) as registry:
        for i in range(12):
            registry.add([entry(f"w{i}", media_of(list(range(1000 * i, 1000 * i + 3 ** (i % 6) + 1))))])
        assert segments(registry)[EXACT.name] > MOST_SEGMENTS
    with open_registry(tmp_path / "r.db", schemes=SCHEMES) as registry:
        assert segments(registry)[EXACT.name] <= MOST_SEGMENTS
        assert registry.check() == []


@pytest.mark.parametrize("at_once", [1, 700, 1 << 20])
@pytest.mark.parametrize("common", [1, 10_000])
def test_merging_in_pieces(tmp_path: Path, monkeypatch, at_once: int, common: int):
    """Also with a key that fills several blocks of several segments, and one that is over the cap."""
    monkeypatch.setattr(merging, "AT_ONCE", at_once)
    monkeypatch.setattr(postings, "MAX_POSTINGS_PER_KEY", 2500)
    rng = np.random.default_rng(3)
    media = [
        media_of([5] * common + [6] * 300 + rng.integers(-(2**63), 2**63 - 1, 900).tolist(), str(i), i + 1.0) for i in range(6)
    ]
    probes = np.concatenate([m.parts[0].fingerprints[0].keys[-950::7] for m in media])
    with open_registry(tmp_path / "r.db", create=True, schemes=SCHEMES) as registry:
        for i, m in enumerate(media):
            registry.add([entry(f"w{i}", m)])
        before = registry.lookup(EXACT.name, probes)
        assert 6 in probes
        assert len(before) > 6 * 300
        registry.merge()
        same([registry.lookup(EXACT.name, probes)], [before])
        assert registry.stats()["stop_keys"] == (1 if common > 1 else 0)
        assert registry.check() == []
        registry.rebuild()
        same([registry.lookup(EXACT.name, probes)], [before])
        assert registry.check() == []


def test_withdrawing_lets_a_stop_key_be_found_again(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(postings, "MAX_POSTINGS_PER_KEY", 50)
    with open_registry(tmp_path / "r.db", create=True, schemes=SCHEMES) as registry:
        registry.add([entry(f"w{i}", media_of([5] * 20 + [i * 100 + 7], str(i))) for i in range(3)])
        registry.merge()
        assert registry.stats()["stop_keys"] == 1
        assert len(registry.lookup(EXACT.name, np.array([[5]]))) == 0
        registry.withdraw("w1", "")
        assert len(registry.lookup(EXACT.name, np.array([[5]]))) == 40
        registry.merge()
        assert registry.stats()["stop_keys"] == 0
        assert len(registry.lookup(EXACT.name, np.array([[5]]))) == 40


def test_rebuilding_gives_the_same_answers(full: Registry):
    full.withdraw("w3", "")
    before, revision = answers(full), full.revision()
    seen = []
    full.rebuild(lambda done, total: seen.append((done, total)))
    assert seen[-1] == ((WORKS - 1) * 2, (WORKS - 1) * 2)
    same(answers(full), before)
    assert full.revision() == revision
    assert full.check() == []


def spoil(path: Path, *statements: str) -> None:
    with sqlite3.connect(path) as conn:
        for statement in statements:
            conn.execute(statement)
    conn.close()


DAMAGE = {
    "lost block": ("delete from block where id = (select max(id) from block)", "is not whole"),
    "other bytes": ("update block set data = zeroblob(length(data)) where id = (select max(id) from block)", "does not hold"),
    "lost segment": ("delete from segment where id = (select max(id) from segment)", "does not hold"),
    "wrong count": ("update meta set value = '99' where name = 'works'", "count of works"),
    "wrong scheme count": ("update scheme set fingerprints = 3 where name = 'test.exact.1'", "count of fingerprints"),
    "blob": ("update packed set data = x'00' where fingerprint = 4", "fingerprint 4 .* cannot be read"),
    "row": ("update fingerprint set n = 7 where id = 4", "not what its row says"),
    "foreign key": ("delete from work where rank = 3", "points to a row"),
    "unposted": ("update fingerprint set posted = 0 where id = 4", "left out of the index"),
    "still matched": ("update work set state = 'withdrawn' where rank = 2", "still matched"),
}


@pytest.mark.parametrize(("statement", "finding"), DAMAGE.values(), ids=DAMAGE.keys())
def test_damage_is_found(full: Registry, statement: str, finding: str):
    full.merge()
    full.close()
    spoil(full.path, statement)
    with open_registry(full.path, schemes=SCHEMES) as registry:
        found = registry.check()
    import re

    assert any(re.search(finding, sentence) for sentence in found), found


@pytest.mark.parametrize("name", ["lost block", "other bytes", "lost segment", "wrong scheme count"])
def test_rebuilding_mends_the_index(full: Registry, name: str):
    before = answers(full)
    full.close()
    spoil(full.path, DAMAGE[name][0])
    with open_registry(full.path, write=True, schemes=SCHEMES) as registry:
        registry.rebuild()
        assert registry.check() == []
        same(answers(registry), before)


def test_a_backup_is_whole_and_later_writing_does_not_touch_it(full: Registry, tmp_path: Path):
    before = answers(full)
    copy = tmp_path / "copy.db"
    copy.write_text("an older backup")
    full.backup(copy)
    full.withdraw("w1", "")
    with open_registry(copy, schemes=SCHEMES) as registry:
        same(answers(registry), before)
        assert registry.check() == []
    assert not list(tmp_path.glob("*.part"))
    with pytest.raises(RegistryError, match="cannot replace the registry itself"):
        full.backup(full.path)
    with pytest.raises(RegistryError, match=r"none/copy\.db"):
        full.backup(tmp_path / "none" / "copy.db")


KEYS = st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3), min_size=1, max_size=700)


@settings(max_examples=40, deadline=None)
@given(
    keys=KEYS, ids=st.integers(0, 2**31 - 2), positions=st.sampled_from([(0, 0), (-(2**31), 2**31 - 1), (100, 4000)]), probes=KEYS
)
def test_a_packed_segment_gives_back_what_was_put_in(keys, ids, positions, probes):
    rng = np.random.default_rng(len(keys))
    columns = Postings(
        np.array(keys, np.int64),
        rng.integers(max(0, ids - 50), ids + 1, len(keys)).astype(np.int32),
        rng.integers(positions[0], positions[1] + 1, len(keys)).astype(np.int32),
    )
    columns = in_order(columns)
    layout = exact_layout(columns)
    assert layout_from(layout.as_json()) == layout
    blocks = list(blocks_of(columns, layout))
    segment = Segment(1, len(columns), 10, layout, columns.keys[:: layout.per_block])

    def fetch(wanted):
        return [blocks[i - 10] for i in wanted.tolist()]

    whole = unpacked(segment, fetch, 0, len(blocks))
    for name in ("keys", "ids", "positions"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(columns, name))
    wanted = np.unique(np.array(probes + keys[:3], np.int64))
    keeping = Reader()
    for reader in (None, Reader(0), keeping, keeping):
        found = find(segment, fetch, wanted, reader)
        np.testing.assert_array_equal(
            found.starts[found.ends > found.starts], np.searchsorted(columns.keys, np.intersect1d(wanted, columns.keys))
        )
        np.testing.assert_array_equal(
            found.ends - found.starts,
            np.searchsorted(columns.keys, wanted, "right") - np.searchsorted(columns.keys, wanted, "left"),
        )
        run = read(found, fetch, np.flatnonzero(found.ends > found.starts), reader)
        np.testing.assert_array_equal(run.ids, columns.ids[np.isin(columns.keys, wanted)])
        np.testing.assert_array_equal(wanted[run.probes], columns.keys[np.isin(columns.keys, wanted)])


def test_blocks_are_kept_while_there_is_room_and_read_once():
    columns = Postings(np.arange(2000, dtype=np.int64) << 50, np.zeros(2000, np.int32), np.arange(2000, dtype=np.int32))
    layout = exact_layout(columns)
    blocks = list(blocks_of(columns, layout))
    one, other = (Segment(i, 2000, 0, layout, columns.keys[:: layout.per_block]) for i in (1, 2))
    asked: list[int] = []

    def fetch(wanted):
        asked.extend(wanted.tolist())
        return [blocks[i] for i in wanted.tolist()]

    reader = Reader(room=len(blocks) * one.block_bytes)
    for numbers in ([0], [0, 2], [1, 2], [0, 1, 2]):
        reader.pages(one, fetch, np.array(numbers))
    assert asked == [0, 2, 1] and reader.keeps(one)
    for _ in range(2):
        reader.pages(other, fetch, np.array([1]))
    assert asked == [0, 2, 1, 1, 1] and not reader.keeps(other)
    reader.keep_only({2})
    reader.pages(other, fetch, np.array([0, 1]))
    reader.pages(other, fetch, np.array([0, 1]))
    assert asked == [0, 2, 1, 1, 1, 0, 1] and reader.keeps(other)
    with pytest.raises(Damaged):
        Reader().pages(one, lambda wanted: [blocks[0][:-1]], np.array([0]))


def test_keys_too_far_apart_for_the_layout_are_noticed():
    columns = Postings(np.array([0, 2**40], np.int64), np.zeros(2, np.int32), np.zeros(2, np.int32))
    with pytest.raises(TooWide):
        list(blocks_of(columns, Layout(2, 16, (0, 0), (0, 0))))


def test_merging_unevenly_spread_keys_takes_a_wider_record(tmp_path: Path):
    clumps = [[c * 2**58 + i for i in range(40)] for c in range(-16, 16)]
    with open_registry(tmp_path / "r.db", create=True, schemes=SCHEMES) as registry:
        for i, keys in enumerate((sum(clumps[::2], []), sum(clumps[1::2], []), [2**63 - 1, -(2**63)])):
            registry.add([entry(f"w{i}", media_of(keys))])
        registry.merge()
        assert registry.check() == []
        assert len(registry.lookup(EXACT.name, np.array([[2**63 - 1], [-(2**63)], [2**58 + 39]]))) == 3


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 10**6), max_size=40))
def test_settling_ends_with_few_segments(sizes: list[int]):
    live = list(zip(sizes, range(len(sizes)), strict=True))
    while chosen := smallest(live):
        assert len(chosen) >= 2
        live = [s for s in live if s not in chosen] + [(sum(n for n, _ in chosen), 100 + len(live))]
    assert len(live) <= MOST_SEGMENTS
    assert sum(n for n, _ in live) == sum(sizes)
