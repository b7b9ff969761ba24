"""What is registered, as plain values for people and for JSON."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any

from registry.identified import identifiers_of_work
from registry.people import credits_of, holders_of
from registry.text import storable
from registry.works import rank_of, twins

COLUMNS = ("work", "title", "medium", "licence", "source", "path", "sha256", "state")
SELECT = "select work_id, title, medium, licence, source, path, sha256, state from work"


def works(conn: sqlite3.Connection, medium: str = "", state: str = "live", like: str = "") -> Iterator[dict[str, Any]]:
    """The works in order of registration; an empty argument asks for all. `like` is part of a title or id."""
    rows = conn.execute(
        SELECT + " where (?1 = '' or medium = ?1) and (?2 = '' or state = ?2) "
        "and (?3 = '' or instr(lower(title), lower(?3)) > 0 or instr(lower(work_id), lower(?3)) > 0) order by rank",
        (medium, state, storable(like)),
    )
    for row in rows:
        yield dict(zip(COLUMNS, row, strict=True))


def show(conn: sqlite3.Connection, work_id: str) -> dict[str, Any]:
    """All that is known of one work. Raises UnknownWork."""
    rank = rank_of(conn, work_id)
    row = conn.execute(SELECT + " where rank = ?", (rank,)).fetchone()
    about: dict[str, Any] = dict(zip(COLUMNS, row, strict=True))
    about["extra"] = json.loads(conn.execute("select extra from work where rank = ?", (rank,)).fetchone()[0])
    about["credits"] = [
        {
            "name": c.name, "role": c.role, "identifier": c.identifier, "guild": c.guild,
            "share": None if c.share is None else format(c.share, "f"),
        }
        for c in credits_of(conn, rank)
    ]  # fmt: skip
    about["identifiers"] = identifiers_of_work(conn, rank)
    about["holders"] = list(holders_of(conn, rank))
    about["twins"] = list(twins(conn, rank))
    about["fingerprints"] = _fingerprints(conn, rank)
    about["events"] = events(conn, work_id)
    return about


def _fingerprints(conn: sqlite3.Connection, rank: int) -> list[dict[str, Any]]:
    rows = conn.execute(
        "select part, medium, scheme, n, postings, posted, extent, length(data) from fingerprint "
        "join packed on packed.fingerprint = id "
        "where work = ? and part >= 0 order by part, id",
        (rank,),
    )
    names = ("part", "medium", "scheme", "features", "postings", "posted")
    return [
        dict(zip(names, row[:6], strict=True)) | {"posted": bool(row[5]), "extent": json.loads(row[6]), "bytes": row[7]}
        for row in rows
    ]


def events(conn: sqlite3.Connection, work_id: str = "") -> list[dict[str, str]]:
    """The audit rows, oldest first, of one work or of all."""
    some, values = ("where work_id = ? ", (storable(work_id),)) if work_id else ("", ())
    rows = conn.execute(f"select kind, work_id, detail, at from event {some}order by id", values)  # noqa: S608
    return [dict(zip(("kind", "work", "detail", "at"), row, strict=True)) for row in rows]


def stats(conn: sqlite3.Connection) -> dict[str, Any]:
    """Counts: works by medium and state, people, credits, fingerprints and postings by scheme, segments, bytes."""
    pages = int(conn.execute("pragma page_count").fetchone()[0])
    free = int(conn.execute("pragma freelist_count").fetchone()[0])
    size = int(conn.execute("pragma page_size").fetchone()[0])
    return {
        "works": _grouped(conn, "select medium, count(*) from work where state = 'live' group by medium order by medium"),
        "withdrawn": _one(conn, "select count(*) from work where state <> 'live'"),
        "twins": _one(conn, "select count(*) from twin"),
        "people": _one(conn, "select count(*) from person where merged_into is null"),
        "credits": _one(conn, "select count(*) from credit"),
        "schemes": _schemes(conn),
        "stop_keys": _one(conn, "select count(distinct key) from stop_key"),
        "bytes": pages * size,
        "free_bytes": free * size,
    }


def _schemes(conn: sqlite3.Connection) -> dict[str, Mapping[str, int]]:
    rows = conn.execute(
        "select f.scheme, count(*), sum(f.n), sum(f.posted), sum(f.postings * f.posted), sum(length(p.data)) "
        "from fingerprint f join work w on w.rank = f.work join packed p on p.fingerprint = f.id "
        "where w.state = 'live' and f.part >= 0 group by f.scheme order by f.scheme"
    ).fetchall()
    segments = _grouped(conn, "select scheme, count(*) from segment where live = 1 group by scheme")
    names = ("fingerprints", "features", "posted", "postings", "bytes")
    return {row[0]: dict(zip(names, row[1:], strict=True)) | {"segments": segments.get(row[0], 0)} for row in rows}


def _grouped(conn: sqlite3.Connection, statement: str) -> dict[str, int]:
    return {name: int(count) for name, count in conn.execute(statement)}


def _one(conn: sqlite3.Connection, statement: str) -> int:
    return int(conn.execute(statement).fetchone()[0])
