"""What several tests of people share: a registry to import credits to, and what was imported."""

from __future__ import annotations

from pathlib import Path

from registry.hits import Credit
from registry.store import open_registry
from tests.registry_makers import SCHEMES, entry, random_media

HEADER = "work_id,name,role,orcid,identifier,share,guild,other_names\n"


def three_works(made: Path) -> Path:
    """A registry with a film, a song and a text; the film has a director known by name."""
    with open_registry(made, create=True, schemes=SCHEMES) as registry:
        registry.add([
            entry("film", random_media(1), credits=(Credit("Ingrid Solheim", "director"),), extra={"imdb": "tt9990001"}),
            entry("song", random_media(2), extra={"isrc": "ZZ-BYL-26-00001"}), entry("text", random_media(3)),
        ])  # fmt: skip
        registry.file.conn.execute("update work set title = 'The Lantern Boat (2021)' where work_id = 'film'")
    return made


def credited(path: Path, work_id: str) -> list[tuple[str, str, str]]:
    with open_registry(path, schemes=SCHEMES) as registry:
        return [(c.person, c.name, c.role) for c in registry.credited(work_id)]


def rows_of(path: Path) -> list[list[tuple[object, ...]]]:
    """All that imports write."""
    with open_registry(path, schemes=SCHEMES) as registry:
        tables = ("person", "identifier", "person_name", "credit", "person_merge")
        return [registry.file.conn.execute(f"select * from {name} order by 1, 2").fetchall() for name in tables]


def put(folder: Path, name: str, content: str | bytes) -> Path:
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file
