"""From a few keys to many: what the leading keys of a probe lead to in the whole registry is met there with all its keys.

A large registry answers every key with chance hits, so that most of a lookup's cost is chance. Two leading keys that agree on
a placement are already rare; the other keys, which are many more, are then joined with the stored fingerprint itself. This is
what multi-probe hashing does (Lv et al., VLDB 2007): the likeliest buckets first.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fingerprint.features import Fingerprint, Scheme
from fingerprint.hashing import Int32, Int64
from matcher.bins import bin_sums, raise_to, slots
from registry.hits import Hits, hit_order, no_hits

AGREEING = 2  # moments of the output whose leading keys must agree on a placement
VIEW_STEP = 0x85EBCA77  # odd, far apart: spreads the views of an output over the slots
MOST = 96  # pairs of a view of the output and a registered fingerprint that are met with all keys

Float = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
UInt16 = npt.NDArray[np.uint16]
Stored = Callable[[int], Fingerprint]


@dataclass(frozen=True)
class Sorted:
    """All keys of a registered fingerprint, rising, with their positions; bool[1 << 16]: some key has these low bits."""

    keys: Int64
    positions: Int32
    held: Bool
    rows: int


def leading_keys(view: Fingerprint) -> Int64:
    """int64[k]: the keys of a view that are looked up everywhere, row by row."""
    return view.keys.ravel() if view.leads is None else view.keys[view.leads]


def leading_rows(view: Fingerprint) -> Int64:
    """int64[k]: the row of each of those."""
    if view.leads is None:
        return np.repeat(np.arange(len(view)), view.keys.shape[1])
    rows: Int64 = np.flatnonzero(view.leads) // max(view.keys.shape[1], 1)
    return rows


def view_of(flat: Hits, views: Sequence[Fingerprint]) -> Int64:
    """int64[hits]: to which view each hit belongs, where the leading keys of all views were looked up one after the other."""
    sizes = [len(v) * v.keys.shape[1] if v.leads is None else int(np.count_nonzero(v.leads)) for v in views]
    return np.repeat(np.arange(len(views)), sizes)[flat.output_row]


def in_company(flat: Hits, views: Sequence[Fingerprint], scheme: Scheme) -> Hits:
    """Those hits of the leading keys of all views that are not the only one of their view on their fingerprint, and some others.

    In a large registry nine in ten are alone, and lead nowhere.
    """
    slot = slots(flat.fingerprint_id.astype(np.int64), view_of(flat, views) * VIEW_STEP, len(flat))
    return flat.of(np.bincount(slot)[slot] >= min(AGREEING, scheme.least)) if len(flat) else flat


def followed(
    views: Sequence[Fingerprint], hits: Sequence[Hits], scheme: Scheme, stored: Stored
) -> list[tuple[Fingerprint, Hits]]:
    """Each view of one scheme, whole where it leads somewhere, with the hits of all its keys on those fingerprints to which its
    leading keys' hits lead.
    """
    known: dict[int, Sorted] = {}
    met: dict[int, list[Hits]] = {}
    whole = list(views)
    for number, pairs in itertools.groupby(_likeliest(views, hits, scheme), key=lambda pair: pair[0]):
        if (make := views[number].whole) is not None:
            whole[number] = make()
        low_bits = whole[number].keys.ravel().astype(np.uint16)
        for _, fingerprint_id in pairs:
            if fingerprint_id not in known:
                known[fingerprint_id] = in_order(with_keys(stored(fingerprint_id), scheme))
            met.setdefault(number, []).append(_joined(whole[number], low_bits, fingerprint_id, known[fingerprint_id]))
    return [(view, _in_one(met.get(i, []))) for i, view in enumerate(whole)]


def with_keys(fingerprint: Fingerprint, scheme: Scheme) -> Fingerprint:
    """The fingerprint with the keys that follow from its payload: a registry gives it without."""
    if scheme.derive is None or fingerprint.payload is None or fingerprint.keys.shape[1]:
        return fingerprint
    return dataclasses.replace(fingerprint, keys=scheme.derive(fingerprint.payload))


def in_order(fingerprint: Fingerprint) -> Sorted:
    """A fingerprint's keys in order."""
    order = np.argsort(fingerprint.keys, axis=None, kind="stable")
    keys, held = fingerprint.keys.ravel()[order], np.zeros(1 << 16, bool)
    held[keys.astype(np.uint16)] = True
    return Sorted(keys, fingerprint.positions[order // max(fingerprint.keys.shape[1], 1)], held, len(fingerprint))


def _likeliest(views: Sequence[Fingerprint], hits: Sequence[Hits], scheme: Scheme) -> list[tuple[int, int]]:
    """(view, fingerprint id), rising, of those whose hits weigh most on one placement: at most MOST."""
    view = np.repeat(np.arange(len(views)), [len(h) for h in hits])
    if not len(view):
        return []
    flat = Hits(*(np.concatenate([getattr(h, f.name) for h in hits]) for f in dataclasses.fields(Hits)))
    output = np.concatenate([v.positions[h.output_row] for v, h in zip(views, hits, strict=True)])
    pair, group = np.unique(view << 32 | flat.fingerprint_id, return_inverse=True)
    # Keys of one moment have a peak in common: they count once.
    votes, moments = _most(group, dataclasses.replace(flat, output_row=output), output, scheme, len(pair))
    # A very short output may have but one moment: then as many rows must agree as make a run.
    alone = moments[group] < AGREEING
    _, rows = _most(group[alone], flat.of(alone), output[alone], scheme, len(pair))
    best = np.lexsort((pair, -votes))
    best = np.sort(best[(moments[best] >= AGREEING) | (rows[best] >= scheme.least)][:MOST])
    return [(int(p >> 32), int(p & 0xFFFFFFFF)) for p in pair[best].tolist()]


def _most(group: Int64, hits: Hits, output: Int64, scheme: Scheme, groups: int) -> tuple[Float, Int64]:
    """The most weight and the most rows that one placement of each group has; `output` are the positions of the hits."""
    votes, rows = np.zeros(groups), np.zeros(groups, np.int64)
    for scale in scheme.scales:
        for shift in (0.0, 0.5):
            place = (hits.work_position - scale * output) / (2 * scheme.tolerance)
            owner, _, sums, counts = bin_sums(group, np.floor(place + shift).astype(np.int64), hits)
            raise_to(votes, owner, sums)
            raise_to(rows, owner, counts)
    return votes, rows


def _joined(view: Fingerprint, low_bits: UInt16, fingerprint_id: int, known: Sorted) -> Hits:
    """Hits of all keys of a view on one registered fingerprint; rarity is a key's within it.

    Nearly all of a view's keys are nowhere in it, and their low bits tell.
    """
    flat = view.keys.ravel()
    asked = np.flatnonzero(known.held[low_bits])
    low, high = (np.searchsorted(known.keys, flat[asked], side) for side in ("left", "right"))
    met = np.flatnonzero(high > low)
    low, times = low[met], (high - low)[met]
    within = np.arange(int(times.sum())) - np.repeat(np.cumsum(times) - times, times)
    row = np.repeat((asked[met] // view.keys.shape[1]).astype(np.int32), times)
    at = known.positions[np.repeat(low, times) + within]
    rarity = np.repeat(np.log10(known.rows / times + 1).astype(np.float32), times)
    ids = np.full(len(row), fingerprint_id, np.int32)
    return Hits(row, ids, at, rarity).of(hit_order(ids, row, at))


def _in_one(found: list[Hits]) -> Hits:
    """Hits of rising fingerprint ids one after the other."""
    if not found:
        return no_hits()
    return Hits(*(np.concatenate([getattr(h, f.name) for h in found]) for f in dataclasses.fields(Hits)))
