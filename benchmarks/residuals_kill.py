"""Kill -9 at random moments while usage is imported, settled and paid out: after a re-run the ledger is as if nothing had been.

    python benchmarks/residuals_kill.py [--kills 50] [--outputs 1500] [--seed 1]

Each trial starts from the same ledger, is killed, and is run again until it ends by itself; some are killed twice. Then every
row of every table is compared with those of a run that was not disturbed (sealed account numbers by their owner, since sealing
the same number twice gives different bytes), the chain of hashes is verified, and the payment file is compared byte for byte.
The result goes to benchmarks/results/residuals-kill.json.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from residuals_speed import Crew, write_inputs  # noqa: E402

from residuals.ledger import Ledger  # noqa: E402
from residuals.payees import payee_of, write_payee  # noqa: E402
from residuals.payments import Order  # noqa: E402
from residuals.payout import Terms, debtor_of  # noqa: E402
from residuals.payout_tables import prepare  # noqa: E402
from residuals.policy import load_policy  # noqa: E402
from residuals.sent import carry_out  # noqa: E402
from residuals.settle import Inputs, settle  # noqa: E402
from residuals.usage import import_usage  # noqa: E402
from residuals.vault import open_vault  # noqa: E402

WORKS, PEOPLE = 60, 80
MOST_KILLS = 5  # of one trial
DATE = "2026-11-30"
# An example of the IBAN registry; no such account is paid.
DEBTOR = {"name": "Sample Society", "iban": "DE89370400440532013000", "town": "Berlin", "country": "DE"}
RESULT = HERE / "results" / "residuals-kill.json"


class Done(Crew):
    """The crew of the speed measurement, of whom everybody is who the keys say."""

    def payee(self, key: str) -> tuple[str, str]:
        return key, "verified" if int(key.split(":")[1]) % 4 < 3 else "claimed"


def child(folder: Path) -> None:
    """One undisturbed go: import, settle, pay."""
    crew = Done(WORKS, PEOPLE)
    with Ledger.open(folder / "ledger.db", write=True) as ledger:
        prepare(ledger.conn)
        import_usage(ledger, folder / "usage.csv", "Acme AI", DATE)
        if not ledger.has_run("settle"):
            settle(ledger, crew, load_policy(None), str, "settle", DATE, Inputs("2026-11", folder / "reports.jsonl"))
        order = Order("payout", "EUR", DATE, "pain", f"{DATE}T00:00:00", "Residuals", debtor_of(DEBTOR))
        carry_out(ledger, crew, Terms(0, {}), order, open_vault(folder / "key"), folder / "pay.xml")


def base(folder: Path, outputs: int) -> None:
    """The inputs, a key, and a ledger that knows everybody's account."""
    from cryptography.fernet import Fernet

    write_inputs(folder, outputs, WORKS)
    (folder / "key").write_bytes(Fernet.generate_key())
    (folder / "key").chmod(0o600)
    vault = open_vault(folder / "key")
    with Ledger.open(folder / "ledger.db", write=True, create=True) as ledger:
        prepare(ledger.conn)
        for number in range(PEOPLE):
            values = {"name": f"Person {number}", "town": "Paris", "country": "FR", "iban": "FR1420041010050500013M02606"}
            write_payee(ledger.conn, payee_of(f"guild:{number}", values), vault, DATE)


def contents(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, without the sealed bytes."""
    conn = sqlite3.connect(folder / "ledger.db")
    tables = [row[0] for row in conn.execute("select name from sqlite_master where type = 'table' order by name")]
    rows = {table: conn.execute(f"select * from {table} order by 1, 2").fetchall() for table in tables}  # noqa: S608
    conn.close()
    rows["sealed"] = [tuple(v for v in row if not isinstance(v, bytes)) for row in rows["sealed"]]
    return rows


def go(folder: Path, after_s: float | None) -> bool:
    """Runs a child, killed after so long; whether it was killed."""
    process = subprocess.Popen([sys.executable, __file__, "--child", str(folder)])
    try:
        if process.wait(after_s):
            raise RuntimeError("the child failed")
        return False
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return True


def fresh(kept: Path, folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(kept, folder)
    return folder


def trials(folder: Path, kills: int, outputs: int, seed: int) -> dict[str, object]:
    """Kills and compares; raises when anything differs."""
    dice = random.Random(seed)
    kept = folder / "base"
    kept.mkdir()
    base(kept, outputs)
    whole = fresh(kept, folder / "whole")
    began = time.monotonic()
    go(whole, None)
    takes_s = time.monotonic() - began
    expected, file = contents(whole), (whole / "pay.xml").read_bytes()
    killed = 0
    where = {"before the usage": 0, "before the settlement": 0, "before the payout": 0, "after the payout": 0}
    while killed < kills:
        trial = fresh(kept, folder / "trial")
        here = 0
        # On a machine that has become slower no go would end before it is killed.
        while go(trial, dice.uniform(0.15, 1.05) * takes_s if here < MOST_KILLS else None):
            killed, here = killed + 1, here + 1
            found = contents(trial)
            runs = len(found["run"])
            key = "before the usage" if not found["usage"] else list(where)[runs + 1]
            where[key] += 1
        if contents(trial) != expected or (trial / "pay.xml").read_bytes() != file:
            raise SystemExit(f"after {killed} kills the ledger differs from an undisturbed one")
        with Ledger.open(trial / "ledger.db") as ledger:
            if fault := ledger.verify():
                raise SystemExit(fault)
    return {"kills": killed, "where": where, "undisturbed_s": round(takes_s, 2), "outputs": outputs, "differences": 0}


def main() -> None:
    """Runs the trials and keeps what came of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--outputs", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(given.child)
        return
    with tempfile.TemporaryDirectory() as name:
        result = trials(Path(name), given.kills, given.outputs, given.seed)
    print(json.dumps(result))
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
