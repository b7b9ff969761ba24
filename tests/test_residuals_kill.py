"""Killed at random moments, a settlement and a payout end as if nothing had been; fifty kills: benchmarks/residuals_kill.py."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_after_kills_the_ledger_is_as_if_nothing_had_been(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import residuals_kill

    done = residuals_kill.trials(tmp_path, 2, 100, 7)
    assert done["kills"] >= 2
    assert done["differences"] == 0
