"""What several test files share: `byline` run in this process, and a registry with the sample works in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from desk.command import main

SAMPLES = Path(__file__).resolve().parent.parent / "sample_media"
Byline = Callable[..., Result]


def run(*arguments: object) -> Result:
    """The result of `byline ARGUMENTS`; an exception that is not an exit fails the test that called it."""
    result = CliRunner().invoke(main, [str(a) for a in arguments], prog_name="byline")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def json_lines(result: Result) -> list[dict[str, Any]]:
    """What it printed to stdout, line by line."""
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def byline(monkeypatch) -> Byline:
    """`byline` without a registry of the user's own."""
    monkeypatch.delenv("BYLINE_REGISTRY", raising=False)
    return run


@pytest.fixture(scope="session")
def sample_registry(tmp_path_factory) -> Path:
    """The sample works with their credits. Not to be written: copy it first."""
    path = tmp_path_factory.mktemp("registry") / "samples.db"
    result = run("register", "--registry", path, "--catalog", SAMPLES / "works.csv", "--credits", SAMPLES / "credits.csv")
    assert result.exit_code == 0, result.output
    return path
