"""How a work's money is split among the humans credited on it, by a policy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from registry.hits import Credited
from residuals.money import as_integers
from residuals.policy import CREDIT_STATES, Policy
from residuals.records import Account, Place

ONE, NOTHING = Fraction(1), Fraction(0)
PAID_TO = ("verified", "estate")
REJECTED, DISPUTED = "rejected", "disputed"
OF_WORK = ("escrow", "dispute", "unplaced")
OUTRANKED = "the declared shares of others take the whole work"


@dataclass(frozen=True)
class _Part:
    """A part of the work and where it goes."""

    part: Fraction
    kind: str
    who: str
    name: str
    role: str
    why: str = ""


def places(credited: Sequence[Credited], holders: Sequence[str], policy: Policy, role_of: Callable[[str], str]) -> list[Place]:
    """The places of a work's split: credits by person and role (the order of imports is nothing), what has no human, owners.

    A declared share is that part of the work. What is left goes to the credits without one: each role has its weight, divided
    equally among those who have it. Of shares that add up to more than the work, only the excess waits for the dispute to end.
    What nobody can be named for is `unplaced`. Rejected credits count for nothing. role_of gives the role of our list.
    """
    live = [credit for credit in credited if REJECTED not in (credit.person_state, credit.credit_state)]
    live.sort(key=lambda credit: (credit.person, credit.role, credit.name))
    owned = policy.owners if holders else NOTHING
    parts = _of_humans(live, ONE - owned, policy, role_of)
    parts += [_Part(owned / len(holders), "owner", holder, holder, "rights holder") for holder in sorted(holders) if owned]
    weights = as_integers(part.part for part in parts)
    return [Place(p.kind, p.who, p.name, p.role, weight, p.why) for p, weight in zip(parts, weights, strict=True)]


def _of_humans(live: Sequence[Credited], whole: Fraction, policy: Policy, role_of: Callable[[str], str]) -> list[_Part]:
    """The parts of everybody credited, which make `whole` together with what is disputed or has no human."""
    declared = sum((Fraction(credit.share) for credit in live if credit.share is not None), NOTHING)
    excess = min(ONE, max(NOTHING, declared - ONE))
    shrunk = whole * (ONE - excess) / declared if declared > ONE else whole
    rest = whole * max(NOTHING, ONE - declared)
    by_role = _by_role([credit for credit in live if credit.share is None], rest, policy, role_of)
    parts = []
    for credit in live:
        if credit.share is not None:
            part, why = Fraction(credit.share) * shrunk, f"declared share {credit.share}"
        else:
            part, why = by_role[_group(credit, policy, role_of)], "" if rest else OUTRANKED
        parts.append(_Part(part, destination(credit, policy), credit.person, credit.name, credit.role, why))
    if excess:
        parts.append(
            _Part(whole * excess, "dispute", "", "", "", f"the declared shares add up to {declared * 100} % of the work")
        )
    if rest and not any(by_role.values()):
        why = "the rest of the work is claimed by nobody" if parts else "no human is credited on the work"
        parts.append(_Part(rest, "unplaced", "", "", "", why))
    return parts


def _group(credit: Credited, policy: Policy, role_of: Callable[[str], str]) -> tuple[str, str]:
    """A guild that weighs a role itself has those credits as a group of its own."""
    role = role_of(credit.role).casefold()
    return (credit.guild if role in policy.guilds.get(credit.guild, {}) else "", role)


def _by_role(
    credits: Sequence[Credited], rest: Fraction, policy: Policy, role_of: Callable[[str], str]
) -> dict[tuple[str, str], Fraction]:
    """Which part each single credit of a group gets of `rest`: the group's weight of all weights, divided by its heads."""
    heads = Counter(_group(credit, policy, role_of) for credit in credits)
    weights = {group: policy.weight(group[1], group[0]) for group in heads}
    total = sum(weights.values(), NOTHING)
    return {group: rest * weights[group] / (total * heads[group]) if total else NOTHING for group in heads}


def destination(credit: Credited, policy: Policy) -> str:
    """The kind of account to which a credit's money goes, by the states of the credit and of its person."""
    if DISPUTED in (credit.person_state, credit.credit_state):
        return "dispute"
    enough = credit.credit_state not in CREDIT_STATES or (
        CREDIT_STATES.index(credit.credit_state) >= CREDIT_STATES.index(policy.credits_from)
    )
    return "payable" if credit.person_state in PAID_TO and enough else "escrow"


def account_of(place: Place, work: str, currency: str) -> Account:
    """Where a place's money is booked. What waits is kept by work, so that it can follow what becomes of the credit."""
    return Account(place.kind, place.who, work if place.kind in OF_WORK else "", currency)
