"""Policies: exact numbers, and messages that name the line."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from registry.roles import ours
from residuals.errors import PolicyError
from residuals.policy import DEFAULT, load_policy


def test_a_policy_changes_only_what_it_says(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('[relations]\nremake = "1/3"\n[roles]\n"Camera Operator" = 7.5\n[minimum_payout]\nEUR = 1.5\nCHF = 2\n')
    mine, default = load_policy(path), load_policy(None)
    assert mine.name == "mine"
    assert mine.relations == {**default.relations, "remake": Fraction(1, 3)}
    assert mine.weight("camera operator", "") == Fraction(15, 2)
    assert mine.weight("director", "") == default.weight("director", "")
    assert mine.weight("best boy", "") == default.roles["other"]
    assert (mine.minimum_payout["EUR"], mine.minimum_payout["CHF"]) == (15 * 10**7, 2 * 10**8)
    assert mine.sha256 != default.sha256


def test_the_default_pays_humans_only_and_nothing_for_manner() -> None:
    default = load_policy(None)
    assert default.owners == 0
    assert default.relations["style"] == 0
    assert default.unexplained == "hold"
    assert not default.withholding


BAD = [
    ("[relations]\ncopy = 1\nremake = 1.5", 3, "more than the whole"),
    ("[relations]\n\nremake = -0.5", 3, "at least 0"),
    ("[relations]\nremake = nan", 2, "at least 0"),
    ("[relations]\nremake = true", 2, "at least 0"),
    ("[relations]\nremake = '1/0'", 2, "at least 0"),
    ("[relations]\nremix = 1", 2, "is unknown"),
    ("[payouts]\nEUR = 1", 1, "is unknown"),
    ('name = "x"\n[output]\nunexplained = "keep"', 3, "write one of hold, return, equal"),
    ("[credits]\nfrom = 'rumoured'", 2, "write one of"),
    ("[minimum_payout]\nEUR = 10\nXYZ = 1", 3, "no currency"),
    ("[minimum_payout]\nEUR = 0.000000001", 2, "finer than a microcent"),
    ("[withholding]\nGermany = 0.1", 2, "two capitals"),
    ("[roles]\n'camera operator' = 'many'", 2, "at least 0"),
    ("[guilds.G]\nsinger = 1\n[guilds.H]\nsinger = -1", 4, "at least 0"),
    ("[guilds]\nG = 1", 2, "of the wrong kind"),
    ("[roles.film]\ndirector = 1", 1, "of the wrong kind"),
    ("output = 1", 0, "is no table"),
    ("[relations]\ncopy = = 1", 2, "is not TOML"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "why"), BAD)
def test_what_cannot_be_used_is_named_with_its_line(tmp_path: Path, text: str, line: int, why: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(PolicyError) as error:
        load_policy(path)
    assert why in str(error.value) and str(path) in str(error.value)
    assert not line or f"line {line}" in str(error.value)


def test_files_that_are_no_policy(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="cannot be read"):
        load_policy(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b'name = "caf\xe9"')
    with pytest.raises(PolicyError, match="UTF-8"):
        load_policy(tmp_path / "latin.toml")
    (tmp_path / "big.toml").write_bytes(b"#" * (1 << 21))
    with pytest.raises(PolicyError, match="larger than a policy"):
        load_policy(tmp_path / "big.toml")


def test_every_role_of_the_default_is_argued_in_the_docs() -> None:
    text = (Path(__file__).parent.parent / "docs" / "policy.md").read_text(encoding="utf-8")
    assert [role for role in load_policy(None).roles if f"| {role} " not in text and f", {role}" not in text] == []
    assert DEFAULT.exists()


def test_the_weights_are_of_roles_of_our_list() -> None:
    assert [role for role in load_policy(None).roles if role != "other" and ours(role) != role] == []
    assert {"gaffer", "boom operator"}.isdisjoint(load_policy(None).roles)  # who is not named is paid as "other"
