"""Roles: one list, every name of other vocabularies leads to one of ours, crew first-class, unknown ones usable."""

from __future__ import annotations

import tomllib
from collections import Counter
from pathlib import Path

import pytest

from registry.roles import VOCABULARIES, from_vocabulary, known, ours, roles
from tests.conftest import json_lines

ROOT = Path(__file__).resolve().parent.parent
CREW = {
    "camera operator", "costume designer", "sound mixer", "gaffer", "key grip", "boom operator", "makeup artist",
    "session player",
    "mastering engineer", "illustrator", "retoucher", "radiologist", "radiographer", "annotator", "transcriptionist",
}  # fmt: skip
IMDB = {
    "actor", "actress", "archive_footage", "archive_sound", "casting_director", "cinematographer", "composer", "director",
    "editor",
    "producer", "production_designer", "self", "writer",
}  # fmt: skip


def test_crew_and_other_professions_are_in_the_list():
    assert {r.role for r in roles()} >= CREW
    assert all(ours(role) == role for role in CREW)
    assert len({r.role for r in roles()}) == len(roles()) > 100


def test_every_name_of_a_vocabulary_leads_to_exactly_one_role():
    for vocabulary in VOCABULARIES[:-1]:
        names = Counter(name.lower() for r in roles() for name in r.names[vocabulary])
        assert [n for n, times in names.items() if times > 1] == [], vocabulary
        for role in roles():
            assert {from_vocabulary(vocabulary, name) for name in role.names[vocabulary]} <= {role.role}
    assert {len(code) for r in roles() for code in r.names["marc"]} == {3}
    assert {name for r in roles() for name in r.names["imdb"]} == IMDB
    cawg = {"cawg.creator", "cawg.contributor", "cawg.editor", "cawg.producer", "cawg.translator"}
    assert {name for r in roles() for name in r.names["cawg"]} == cawg and all(r.names["cawg"] for r in roles())


@pytest.mark.parametrize(
    ("written", "role"),
    [
        ("cop", "camera operator"), ("CameraOperator", "camera operator"), ("actress", "actor"), ("Director of Photography",
        "cinematographer"), ("DoP", "cinematographer"), ("ChiefLightingTechnician", "gaffer"), ("mix", "mixing engineer"),
        ("session player, guitar", "session player"), ("Session Musician (accordion)", "session player"), ("writer", "author"),
        ("production_designer", "production designer"), ("transcriber", "transcriptionist"),
        (" costume  designer", "costume designer"),
    ],
)  # fmt: skip
def test_names_from_elsewhere(written: str, role: str):
    assert ours(written) == role
    assert known(written)


def test_a_word_can_mean_another_role_in_another_vocabulary():
    assert from_vocabulary("imdb", "writer") == "screenwriter"
    assert from_vocabulary("musicbrainz", "writer") == "author"
    assert from_vocabulary("imdb", "new_category") == "new category"


@pytest.mark.parametrize("role", ["paper cutter", "Bühnenmeister", "", "lead, something", "x" * 500])
def test_unknown_roles_stay_as_they_are(role: str):
    assert ours(role) == role
    assert not known(role)


def test_the_default_policy_weighs_roles_of_the_list():
    policy = tomllib.loads((ROOT / "residuals" / "default_policy.toml").read_text(encoding="utf-8"))
    assert {name for name in policy["roles"] if name != "other"} <= {r.role for r in roles()}


def test_the_command_lists_them(byline):
    (row,) = json_lines(byline("people", "roles", "--like", "camera operator", "--json"))[:1]
    assert (row["role"], row["marc"], row["ddex"]) == ("camera operator", ["cop"], ["CameraOperator"])
    assert "gaffer" in byline("people", "roles").stdout
    assert "No role is called like that" in byline("people", "roles", "--like", "zzz").stdout
