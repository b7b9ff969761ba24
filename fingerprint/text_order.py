"""What order tells: things shared by two sides come in the same order on both when one follows the other, and else in any."""

from __future__ import annotations

import math
from bisect import bisect_left
from functools import lru_cache


def longest_chain(values: list[int]) -> list[int]:
    """Rows of a longest rising subsequence (patience sorting)."""
    tails: list[int] = []
    at: list[int] = []
    before: list[int] = []
    for row, value in enumerate(values):
        k = bisect_left(tails, value)
        before.append(at[k - 1] if k else -1)
        tails[k : k + 1], at[k : k + 1] = [value], [row]
    chain = []
    row = at[-1] if at else -1
    while row >= 0:
        chain.append(row)
        row = before[row]
    return chain[::-1]


@lru_cache(maxsize=1 << 14)
def order_evidence(chain: int, things: int) -> float:
    """-log10 of how often so many things in random order hold a chain this long, at most: C(things, chain) / chain!."""
    return max(0.0, math.lgamma(chain + 1) / math.log(10) - math.log10(math.comb(things, chain)))
