"""The sharing out inside a settlement: pools to outputs, outputs to works, works to people. Every part is a largest remainder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import groupby

from residuals.booking import Run
from residuals.errors import LedgerError
from residuals.ledger_schema import POOL_IS_SETTLED
from residuals.manifest import works_in
from residuals.money import apportion, as_integers, format_amount
from residuals.people import People
from residuals.policy import Policy
from residuals.records import Account
from residuals.splits import account_of, places

KINDS = (
    "select u.vendor, u.currency, p.id, p.microcents from (select distinct u.vendor, u.currency from usage u "
    "join answer a on a.usage = u.id where not a.twice) u left join usage_pool p on p.vendor = u.vendor "
    "and p.currency = u.currency and p.period = ? and p.pool = 'output' order by 1, 2"
)
ANSWERED = (
    "select u.id, u.output, u.revenue, t.microcents, a.sha256 from usage u join answer a on a.usage = u.id and not a.twice "
    "left join allotted t on t.usage = u.id where u.vendor = ? and u.currency = ? order by u.output"
)
DIVIDED = (
    "select max(u.revenue), count(*) from usage u join allotted t on t.usage = u.id where u.vendor = ? and u.period = ? "
    "and u.currency = ? and t.microcents > 0"
)
NAMED = "select work, title, relation, degree, spans from named where usage = ? order by place"
OPEN_POOLS = (
    f"select id, vendor, currency, microcents from usage_pool p where period = ? and pool = 'training' "  # noqa: S608 - our own text
    f"and not {POOL_IS_SETTLED} order by vendor, currency"
)
ONE = Fraction(1)


@dataclass(frozen=True)
class _Pot:
    """Money that is being shared out: its row in `pool`, the number of its account."""

    pool: int
    account: int
    vendor: str
    currency: str


class Sharing:
    """The steps of one run. money counts what went to each (kind of account, currency)."""

    def __init__(self, run: Run, registry: People, policy: Policy, role_of: Callable[[str], str], works: int) -> None:
        self.run, self.registry, self.policy, self.role_of, self.works = run, registry, policy, role_of, works
        self.money: Counter[tuple[str, str]] = Counter()
        self._pots: dict[int, _Pot] = {}
        self._rates = {relation: str(rate) for relation, rate in policy.relations.items()}
        self._weights = lru_cache(1 << 16)(self._weights_of)

    def outputs(self, step: Callable[[int], None]) -> int:
        """Output money: each output's to the works found in it, by degree and the relation's rate. How many outputs."""
        count = 0
        for vendor, currency, _, declared in self.run.conn.execute(KINDS, (self.run.period,)).fetchall():
            basis = f"revenue x {self.policy.of_revenue}" if declared is None else self._of_pool(vendor, currency, declared)
            total = sum(self._money(revenue, part) for _, _, revenue, part, _ in self._answered(vendor, currency))
            pot = self._pot(vendor, "output", currency, total, basis)
            left = 0
            for usage, output, revenue, part, sha256 in self._answered(vendor, currency):
                left += self._output(pot, usage, output, sha256, revenue, self._money(revenue, part))
                self.run.settle("usage", usage)
                count += 1
                step(1)
            self._unexplained(pot, left)
        return count

    def _of_pool(self, vendor: str, currency: str, declared: int) -> str:
        """How a declared pool was divided among outputs: by revenue, or equally where nothing brought any."""
        most, outputs = self.run.conn.execute(DIVIDED, (vendor, self.run.period, currency)).fetchone()
        how = "by revenue" if most or not outputs else f"in equal parts for {outputs} outputs"
        return f"pool {format_amount(declared)} {how}"

    def _answered(self, vendor: str, currency: str) -> Iterator[tuple[int, str, int, int | None, str]]:
        yield from self.run.conn.execute(ANSWERED, (vendor, currency))

    def _money(self, revenue: int, allotted: int | None) -> int:
        """An output's money: its part of the declared pool, else the policy's part of its revenue, in whole microcents."""
        if allotted is not None:
            return allotted
        part = self.policy.of_revenue
        return revenue * part.numerator // part.denominator

    def _pot(self, vendor: str, pool: str, currency: str, total: int, basis: str) -> _Pot:
        number = self.run.pool(vendor, pool, self.run.period, currency, total, basis)
        account = self.run.account(Account("pool", vendor, "", currency))
        pot = self._pots[number] = _Pot(number, account, vendor, currency)
        if total:
            self.run.post(self.run.account(Account("vendor", vendor, "", currency)), account, total, f"{pool} money")
        return pot

    def _weights_of(self, found: tuple[tuple[str, str], ...]) -> list[int]:
        """Whole-number weights of matches (relation, degree), then of what no work explains.

        Degrees are rounded, so their sum may exceed 1.
        """
        weights = [Fraction(degree) * self.policy.relations[relation] for relation, degree in found]
        return as_integers([*weights, max(Fraction(0), ONE - sum(weights, Fraction(0)))])

    def _output(self, pot: _Pot, usage: int, output: str, sha256: str, revenue: int, money: int) -> int:
        """Notes an output and what each work in it gets; what no work gets."""
        named = self.run.conn.execute(NAMED, (usage,)).fetchall()
        parts = apportion(money, self._weights(tuple(row[2:4] for row in named)))
        number = self.run.output(pot.pool, output, sha256, revenue, money, parts[-1])
        for (work, title, relation, degree, spans), part in zip(named, parts, strict=False):
            self.run.attribution(pot.pool, number, work, title, relation, degree, self._rates[relation], part, spans)
        return parts[-1]

    def _unexplained(self, pot: _Pot, left: int) -> None:
        """What no work explains goes where the policy says."""
        if not left:
            return
        if self.policy.unexplained == "equal" and self.works:
            self._equally(pot, left, "equal")
        elif self.policy.unexplained == "return":
            self.run.post(
                pot.account, self.run.account(Account("vendor", pot.vendor, "", pot.currency)), left, "no work explains it"
            )
            self.money["returned", pot.currency] += left
        else:
            self._post(pot, Account("unexplained", pot.vendor, "", pot.currency), left, "no work explains it")

    def training(self, declared: bool) -> None:
        """Training pools: the same for each registered work of the manifest. Without a manifest they stay open."""
        if not declared:
            return
        for row, vendor, currency, total in self.run.conn.execute(OPEN_POOLS, (self.run.period,)).fetchall():
            pot = self._pot(vendor, "training", currency, total, f"the same for each of {self.works} works")
            if self.works:
                self._equally(pot, total, "training")
            elif total:
                self._post(pot, Account("unexplained", vendor, "", currency), total, "no registered work is in the manifest")
            self.run.settle("pool", row)

    def _equally(self, pot: _Pot, total: int, relation: str) -> None:
        """By largest remainder with equal weights: the first works, by id, get one microcent more."""
        part, more = divmod(total, self.works)
        for place, work in enumerate(works_in(self.run.conn)):
            amount = part + (place < more)
            self.run.attribution(pot.pool, None, work, "", relation, "", f"1/{self.works}", amount, "[]")

    def humans(self, step: Callable[[int], None]) -> int:
        """What each work got, to the people credited on it: one transfer for each place of its split. How many works."""
        count = 0
        for work, of_work in groupby(self.run.attributed(), lambda row: row[0]):
            split = places(self.registry.credited(work), self.registry.holders(work), self.policy, self.role_of)
            weights = [place.weight for place in split]
            self.run.split(work, split)
            for pool, rows in groupby(of_work, lambda row: row[1]):
                sums = [0] * len(split)
                for _, _, microcents in rows:
                    for place, part in enumerate(apportion(microcents, weights)):
                        sums[place] += part
                    step(1)
                pot = self._pots[pool]
                for number, total in enumerate(sums):
                    if total:
                        self._post(pot, account_of(split[number], work, pot.currency), total, "", work, number)
            count += 1
        self._check_empty()
        return count

    def _post(self, pot: _Pot, account: Account, microcents: int, reason: str, work: str = "", place: int | None = None) -> None:
        self.run.post(pot.account, self.run.account(account), microcents, reason, work, pot.pool, place)
        self.money[account.kind, pot.currency] += microcents

    def _check_empty(self) -> None:
        """Nothing is lost: all that went into a pot has gone out of it."""
        for pot in self._pots.values():
            if self.run.change(pot.account):
                raise LedgerError(f"the run does not come out even for {pot.vendor} in {pot.currency}; nothing was booked")
