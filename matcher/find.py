"""Lookup, alignment and verification: what of the registry each part of an output agrees with, not yet weighed."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping
from functools import cache

import numpy as np
import numpy.typing as npt

from fingerprint import media_table, schemes
from fingerprint.features import Alignment, Evidence, Fingerprint, Media, Part, Scheme
from fingerprint.hashing import Int64
from fingerprint.medium import Medium
from matcher.align import align
from matcher.chains import ambiguous, chains
from matcher.leads import Stored, followed, in_company, leading_keys, leading_rows, view_of
from matcher.verify import Finding, StoredPart, verify
from registry.hits import Hits, Index, hit_order

AT_ONCE = 1024  # rows of a scheme that is looked up in its turn: of rare words in all their forms some 1,400 words of text
EIGHTH = 8  # of 30 s of sound some 900 keys
SHORT, SHORT_PORTION = 256, 32  # rows of a short text; it has fewer words to be found by, so more hits are looked at for each
FEW_HITS = 2  # times as many would not be enough of a scheme: then no key was passed over for being common
FEW_ENOUGH = 2000  # works among which a long text is always looked up so: among 10,000 that costs four times as much
HALVES = 1.5  # of a cell, in a stretch of an output that is looked up by itself
EDGE = 36.0  # code points, six words, around such a copy: too few to be evidence, and all that is left of most outputs
COMPANY = 3  # Scheme.least from which the aligner passes over works that one row alone meets
SURE = 8.0  # strength of a copy from which no other work is looked for in the same place


def findings(media: Media, index: Index, without: Collection[str] = ()) -> list[Finding]:
    """What lookup, alignment and verification find for each part, before any of it is weighed against the rest."""
    found: list[Finding] = []
    for number, part in enumerate(media.parts):
        found.extend(part_findings(number, part, index, without))
    return found


def part_findings(number: int, part: Part, index: Index, without: Collection[str] = ()) -> list[Finding]:
    """The same for part `number` of an output alone. Schemes that have a turn are not asked where those before have found a copy:
    there they would be no evidence for another work, and the same one is found already.
    """
    known, stored = schemes(), cache(index.fingerprint)  # several views lead to the same works
    table = _remembering(media_table(), part.medium)
    if found := _explaining(number, part, index, table[part.medium], stored, without):
        return found
    first = dataclasses.replace(part, fingerprints=tuple(f for f in part.fingerprints if not known[f.scheme].turn))
    alignments: list[Alignment] = []
    for fingerprint, hits in (met := lookups(first, index, known, without, stored)):
        alignments.extend(align(hits, fingerprint, known[fingerprint.scheme], stored))
    part = _with_whole(part, [fingerprint for fingerprint, _ in met])
    found = verify(number, part, alignments, index, table, stored)
    looked_up: dict[int, Hits] = {}
    closely = index.works_count() <= FEW_ENOUGH
    for fingerprint, scheme, asked in _turns(part, known):
        wanted = asked & _unexplained(fingerprint, found)
        for rows in _stretches(fingerprint, scheme, np.flatnonzero(wanted), closely):
            if fingerprint.leads is not None and len(fingerprint) <= AT_ONCE:
                # Asking for all rows now costs less than asking for the others later.
                if id(fingerprint) not in looked_up:
                    looked_up[id(fingerprint)] = lookup(fingerprint.scheme, fingerprint, index, without)
                hits = looked_up[id(fingerprint)]
                hits = hits.of(wanted[hits.output_row])
            else:
                short = scheme.aligner == "chain" and len(rows) <= SHORT
                hits = _hits_of_rows(fingerprint, rows, index, without, SHORT_PORTION if short else AT_ONCE)
            if scheme.aligner == "chain":
                placed = chains(hits, fingerprint, scheme, index.works_count())
            else:
                placed = align(hits, fingerprint, scheme, stored)
            found.extend(verify(number, part, placed, index, table, stored))
    return found


def _stretches(fingerprint: Fingerprint, scheme: Scheme, rows: Int64, closely: bool) -> list[Int64]:
    """These rows, if any; where words are looked up in all that they may mean, those of one stretch of the output after another:
    so much is met by chance then that of a long text at once the true places would be lost.
    """
    if not len(rows):
        return []
    if scheme.aligner != "chain" or not (closely or ambiguous(fingerprint)):
        return [rows]
    at = fingerprint.positions[rows]
    length = float(at[-1] - at[0]) + 1.0
    stretches = max(1, round(length / (HALVES * scheme.reach)))
    pieces = np.split(rows, np.searchsorted(at, at[0] + np.arange(1, stretches) * length / stretches))
    return [piece for piece in pieces if len(piece)]  # a stretch may hold no word that is looked up


def _with_whole(part: Part, met: list[Fingerprint]) -> Part:
    """The part with these fingerprints in place of what led to them."""
    whole = {(f.scheme, f.variant): f for f in met if f.whole is None}
    here = tuple(whole.get((f.scheme, f.variant), f) if f.whole is not None else f for f in part.fingerprints)
    return dataclasses.replace(part, fingerprints=here)


def _explaining(number: int, part: Part, index: Index, medium: Medium, stored: Stored, without: Collection[str]) -> list[Finding]:
    """What the leading keys of the output as it is lead to, if its certain copies leave nothing of the output to be looked for:
    most outputs that hold a registered work are told with few of their keys. Else nothing.

    An EIGHTH of these keys tell that first. The others then find what is faint beside that.
    """
    known = schemes()
    plain = next((f for f in part.fingerprints if f.leads is not None and not f.variant and not known[f.scheme].turn), None)
    if medium.explained is None or plain is None or plain.leads is None or not len(plain):
        return []
    found: list[Finding] = []
    for every in (EIGHTH, 1):
        asked = np.zeros(plain.leads.size, bool)
        asked[np.flatnonzero(plain.leads)[::every]] = True
        view = dataclasses.replace(plain, leads=asked.reshape(plain.leads.shape))
        [(_, hits)] = lookups(dataclasses.replace(part, fingerprints=(view,)), index, known, without, stored)
        placed = align(hits, plain, known[plain.scheme], stored)
        found = verify(number, part, placed, index, {part.medium: medium}, stored)
        sure = [f for f in found if f.evidence.relation == "copy" and f.evidence.strength >= SURE]
        works = [StoredPart(f.registered.medium, f.registered.extent, (), f.registered.siblings, stored) for f in sure]
        if not medium.explained(part, [(work, f.evidence) for work, f in zip(works, sure, strict=True)]):
            return []
    return found


def _remembering(table: Mapping[str, Medium], name: str) -> Mapping[str, Medium]:
    """The table, in which a medium that is looked at twice gives of the same placement what it gave before."""
    medium = table[name]
    known: dict[tuple[int, str, str, float, float, float], list[Evidence]] = {}

    def compare(output: Part, work: Part, a: Alignment) -> list[Evidence]:
        place = (a.fingerprint_id, a.scheme, a.variant, a.scale, a.offset, a.support)
        if place not in known:
            known[place] = medium.compare(output, work, a)
        return known[place]

    return {**table, name: dataclasses.replace(medium, compare=compare)} if medium.explained is not None else table


def _turns(part: Part, known: Mapping[str, Scheme]) -> Iterator[tuple[Fingerprint, Scheme, npt.NDArray[np.bool_]]]:
    """Fingerprints of schemes that have a turn, each with the rows asked for: of some first those that lead, then all."""
    for fingerprint in sorted((f for f in part.fingerprints if known[f.scheme].turn), key=lambda f: known[f.scheme].turn):
        scheme = known[fingerprint.scheme]
        if fingerprint.leads is not None:
            # What one row alone meets will be looked at with all the others.
            yield fingerprint, dataclasses.replace(scheme, least=COMPANY), np.asarray(fingerprint.leads.any(axis=1))
        yield fingerprint, scheme, np.ones(len(fingerprint), bool)


def _hits_of_rows(fingerprint: Fingerprint, rows: Int64, index: Index, without: Collection[str], portion: int) -> Hits:
    """Hits of these rows, looked up a portion at a time: what is enough of a scheme is enough for a passage, not for a book."""
    if len(rows) == len(fingerprint):
        every = lookup(fingerprint.scheme, fingerprint, index, without)
        if len(rows) <= portion or FEW_HITS * len(every) <= schemes()[fingerprint.scheme].most_hits:
            return every  # a portion at a time would find no more
    found = []
    for start in range(0, len(rows), portion):
        own = rows[start : start + portion]
        hits = lookup(fingerprint.scheme, dataclasses.replace(fingerprint, keys=fingerprint.keys[own]), index, without)
        found.append(dataclasses.replace(hits, output_row=own[hits.output_row].astype(np.int32)))
    if len(found) == 1:
        return found[0]
    hits = Hits(*(np.concatenate([getattr(h, f.name) for h in found]) for f in dataclasses.fields(Hits)))
    return hits.of(hit_order(hits.fingerprint_id, hits.output_row, hits.work_position))


def _unexplained(fingerprint: Fingerprint, found: list[Finding]) -> npt.NDArray[np.bool_]:
    """Which rows of a probe lie in no copy that is certain, nor at its very ends."""
    spans = np.array([f.evidence.output_span[:2] for f in found if f.evidence.relation == "copy" and f.evidence.strength >= SURE])
    if not len(spans):
        return np.ones(len(fingerprint), bool)
    inside = np.zeros(len(fingerprint) + 1, np.int64)
    start, end = (np.searchsorted(fingerprint.positions, spans[:, side] + edge) for side, edge in ((0, -EDGE), (1, EDGE)))
    np.add.at(inside, start, 1)
    np.add.at(inside, end, -1)
    return np.asarray(np.cumsum(inside)[:-1] == 0)


def lookups(
    part: Part, index: Index, known: Mapping[str, Scheme], without: Collection[str] = (), stored: Stored | None = None
) -> list[tuple[Fingerprint, Hits]]:
    """The part's fingerprints that can be looked up, in their order, each (whole where it leads somewhere) with its hits.

    All views of one scheme are looked up together: hundreds of them ask for the same blocks of a large registry. Of views
    that say which of their keys lead, only those are; the others are met in what they lead to.
    """
    views = [f for f in part.fingerprints if known[f.scheme].indexed and len(f)]
    found: dict[int, tuple[Fingerprint, Hits]] = {}
    for scheme in dict.fromkeys(f.scheme for f in views):
        own = [f for f in views if f.scheme == scheme]
        if len(own) == 1 and own[0].leads is None:
            found[id(own[0])] = own[0], lookup(scheme, own[0], index, without)
            continue
        keys = np.concatenate([leading_keys(f) for f in own]).reshape(-1, 1)
        flat = lookup(scheme, Fingerprint(scheme, keys, np.zeros(len(keys), np.int32)), index, without)
        if any(f.leads is not None for f in own):
            divided = _divided(in_company(flat, own, known[scheme]), own)
            met = followed(own, divided, known[scheme], stored or index.fingerprint)
        else:
            met = list(zip(own, _divided(flat, own), strict=True))
        found |= dict(zip(map(id, own), met, strict=True))
    return [found[id(f)] for f in views]


def _divided(flat: Hits, views: list[Fingerprint]) -> list[Hits]:
    """Hits of the leading keys of all views, one after the other, as hits of the rows of each."""
    rows = [leading_rows(f) for f in views]
    starts = np.cumsum([0, *map(len, rows)])
    view = view_of(flat, views).astype(np.int16)
    by_view = flat.of(np.argsort(view, kind="stable"))
    edges = np.concatenate([[0], np.cumsum(np.bincount(view, minlength=len(views)))])
    return [_of_rows(by_view.of(slice(a, b)), s, r) for a, b, s, r in zip(edges, edges[1:], starts, rows, strict=False)]


def _of_rows(own: Hits, start: int, rows: Int64) -> Hits:
    """Hits of keys that begin at `start` as hits of the rows that the keys belong to, in the order that Hits promises."""
    row = rows[own.output_row - start].astype(np.int32)
    own = dataclasses.replace(own, output_row=row)
    return own.of(hit_order(own.fingerprint_id, row, own.work_position))


def lookup(scheme: str, fingerprint: Fingerprint, index: Index, without: Collection[str]) -> Hits:
    """Hits of a fingerprint's keys, without those on works in `without`."""
    hits = index.lookup(scheme, fingerprint.keys)
    if not without or not len(hits):
        return hits
    gone = [i for i in np.unique(hits.fingerprint_id).tolist() if index.registered(i).work_id in without]
    return hits.of(~np.isin(hits.fingerprint_id, gone))
