"""Imports killed at random moments and run again: nothing doubled, nothing lost. Fifty kills: benchmarks/import_kill.py."""

from __future__ import annotations

import sys

import pytest

from tests.conftest import SAMPLES

sys.path.insert(0, str(SAMPLES.parent / "benchmarks"))


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_killed_imports_end_like_one_that_was_not():
    from import_kill import compare

    _, lost, different = compare(1_000, 2, 50)
    assert (lost, different) == (0, 0)
