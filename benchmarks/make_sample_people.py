"""Makes sample_media/people: three invented guilds' public keys and credentials they signed for people of the sample catalogue.

    python benchmarks/make_sample_people.py [FOLDER]

The private keys follow from their names, so that the same files are made again; they are worth nothing outside the samples.
"""

from __future__ import annotations

import csv
import hashlib
import sys
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives import serialization as as_
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc.jwk import OKPKey

SAMPLES = Path(__file__).resolve().parent.parent / "sample_media"
sys.path.insert(0, str(SAMPLES.parent))

from registry.attestations import attest  # noqa: E402

FROM, UNTIL = datetime(2026, 11, 1, tzinfo=UTC), datetime(2036, 11, 1, tzinfo=UTC)
GUILDS = {
    "Screen Crafts Guild": ("Ingrid Solheim", "Bashir Nouri", "Paloma Reyes", "Dov Aster", "Oona Farrelly"),
    "Harbour Musicians": ("Wen Liling", "Adaeze Nwosu", "Rurik Halvorsen", "Samira Kettani", "Niamh Castellane"),
    "Register of Hands": (
        "Hollis Marrow", "Esi Amankwah", "Rosalba Quint", "Hanne Okafor-Lind", "Zdenka Marsh", "Dr. Amara Lindqvist",
        "Kofi Brandauer", "Lieselotte Arrow",
    ),
}  # fmt: skip


def file_name(name: str) -> str:
    """A name as a file's name: screen-crafts-guild."""
    return "-".join("".join(c if c.isalnum() else " " for c in name.lower()).split())


def people() -> dict[str, dict[str, object]]:
    """Everybody in credits.csv by name, as registry.people.about gives them."""
    found: dict[str, dict[str, object]] = {}
    with (SAMPLES / "credits.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            key = row["identifier"] or f"work:{row['work_id']}:{row['name']}"
            identifiers = [row["identifier"]] if row["identifier"] else []
            found.setdefault(row["name"], {"key": key, "name": row["name"], "identifiers": identifiers})
    return found


def make(folder: Path) -> None:
    """Writes GUILD.pub and a credential for each person into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    known = people()
    for guild, names in GUILDS.items():
        key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"a sample key of {guild}".encode()).digest())
        public = key.public_key().public_bytes(as_.Encoding.PEM, as_.PublicFormat.SubjectPublicKeyInfo)
        (folder / f"{file_name(guild)}.pub").write_bytes(public)
        private = key.private_bytes(as_.Encoding.PEM, as_.PrivateFormat.PKCS8, as_.NoEncryption())
        for name in names:
            token = attest(OKPKey.import_key(private), guild, known[name], guild, FROM, UNTIL)
            (folder / f"{file_name(name)}.jwt").write_text(token + "\n", encoding="ascii")


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else SAMPLES / "people")
