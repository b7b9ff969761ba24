"""Runs that move money after the settlement: what waited is released when its reason is gone, and a run can be reversed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from registry.hits import Credited
from residuals.booking import Run
from residuals.errors import LedgerError
from residuals.ledger import Ledger
from residuals.money import apportion, format_amount
from residuals.people import People
from residuals.policy import Policy
from residuals.records import Account
from residuals.splits import REJECTED, account_of, destination, places

WAITING = ("escrow", "dispute", "unplaced")
MAY_BE_BELOW_ZERO = ("vendor", "bank", "tax")
TRANSFERS = "select debit, credit, microcents, pool, place, work from transfer where run = ? order by id"
IS_REVERSED = "select 1 from reversed v join run r on r.id = v.run where r.run = ?"


@dataclass
class Moved:
    """What a run moved: how many accounts, money by (kind from, kind to, currency). Booked: whether there was anything."""

    accounts: int = 0
    transfers: int = 0
    money: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    head: str = ""
    booked: bool = False


def release(
    ledger: Ledger, registry: People, policy: Policy, role_of: Callable[[str], str], name: str, date: str, keep: bool = True
) -> Moved:
    """Moves what waits to where it belongs now: in full to people who have been verified since, into dispute or out of it.

    Money of a rejected credit, of shares that no longer exceed the work, and of a work that has credits now is split anew, as
    the policy splits that work today.
    """
    done = Moved()
    with ledger.run(name, "release", "", date, {"policy": policy.name, "policy_sha256": policy.sha256}, keep) as run:
        for account, balance in [pair for kind in WAITING for pair in ledger.balances(kind)]:
            if balance > 0 and account.work and registry.has_work(account.work):
                for target, part, reason in _targets(registry, policy, role_of, account, balance):
                    _move(run, done, account, target, part, reason)
        for account, balance in list(ledger.balances("payable")):
            if balance > 0:
                _move(run, done, account, replace(account, who=registry.current_key(account.who)), balance, "one person")
    done.transfers, done.head, done.booked = run.transfers, ledger.head(), keep and not run.is_empty
    return done


def _targets(
    registry: People, policy: Policy, role_of: Callable[[str], str], account: Account, balance: int
) -> list[tuple[Account, int, str]]:
    credited = registry.credited(account.work)
    if account.kind != "unplaced" and account.who:
        key = registry.current_key(account.who)
        kind = _kind_now([c for c in credited if c.person == key], policy)
        if kind:
            now = Account(kind, key, "" if kind == "payable" else account.work, account.currency)
            return [(now, balance, f"{account.kind} ended: {registry.payee(key)[1]}")]
    split = places(credited, registry.holders(account.work), policy, role_of)
    parts = apportion(balance, [place.weight for place in split])
    targets = [account_of(place, account.work, account.currency) for place in split]
    if account.kind == "dispute" and not account.who and any(t == account for t in targets):
        return []  # the shares still exceed the work
    return [(target, part, "split anew") for target, part in zip(targets, parts, strict=True)]


def _kind_now(credits: Sequence[Credited], policy: Policy) -> str:
    """Where a person's money of a work belongs now; "" when none of the credits on it counts any more."""
    kinds = {destination(c, policy) for c in credits if REJECTED not in (c.person_state, c.credit_state)}
    return next((kind for kind in ("dispute", "escrow", "payable") if kind in kinds), "")


def _move(run: Run, done: Moved, source: Account, target: Account, microcents: int, reason: str) -> None:
    if target == source or not microcents:
        return
    run.post(run.account(source), run.account(target), microcents, reason, source.work)
    done.accounts += 1
    done.money[source.kind, target.kind, source.currency] += microcents


def reverse(ledger: Ledger, booked: str, name: str, because: str, date: str, keep: bool = True) -> Moved:
    """Books the opposite of every transfer of a run; its usage is open again. Raises LedgerError when that cannot be.

    It cannot when money of the run has gone on: what was released or paid out since must be booked back first.
    """
    row = ledger.conn.execute("select id, period from run where run = ?", (booked,)).fetchone()
    if row is None:
        raise LedgerError(f'{ledger.path}: there is no run "{booked}"; byline residuals runs lists them')
    if ledger.conn.execute(IS_REVERSED, (booked,)).fetchone():
        raise LedgerError(f'{ledger.path}: run "{booked}" was reversed before')
    if not because.strip():
        raise LedgerError("a reversal needs a reason; give it with --because")
    done = Moved()
    with ledger.run(name, "reversal", row[1], date, {"of": booked, "because": because}, keep) as run:
        _check_still_there(ledger, row[0], booked)
        for debit, credit, microcents, pool, place, work in ledger.conn.execute(TRANSFERS, (row[0],)):
            run.post(credit, debit, microcents, "reversal", work, pool, place)
        run.reverse(row[0])
    done.transfers, done.head, done.booked = run.transfers, ledger.head(), keep and not run.is_empty
    return done


def _check_still_there(ledger: Ledger, run: int, booked: str) -> None:
    """An account of people never goes below zero."""
    changes: dict[int, int] = defaultdict(int)
    for debit, credit, microcents, *_ in ledger.conn.execute(TRANSFERS, (run,)):
        changes[debit] += microcents
        changes[credit] -= microcents
    for number, change in sorted(changes.items()):
        kind, who, currency, balance = ledger.conn.execute(
            "select kind, who, currency, b.microcents from account a join balance b on b.account = a.id where a.id = ?", (number,)
        ).fetchone()
        if kind not in MAY_BE_BELOW_ZERO and int(balance) + change < 0:
            told = f"{format_amount(-change)} {currency} of it are no longer on the {kind} account of {who or 'a work'}"
            raise LedgerError(f'run "{booked}" cannot be reversed: {told}; book back what was released or paid out since, first')
