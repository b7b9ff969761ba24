"""`byline register` and `byline fingerprint`: works into the registry, or into portable files."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from desk.console import Progress, json_option, line, opened, registry_option
from desk.files import PORTABLE, Found, found, write_whole
from desk.intake import KEPT_ROWS, TASK, ImportReport, Intake, Wanted
from desk.words import NOUNS, count, plain
from desk.workers import Pool, cores

Credits = tuple[tuple[str, str], ...]
FINGERPRINT_TASK = "desk.tasks:fingerprint"


def credit_of(context: click.Context, parameter: click.Parameter, values: Iterable[str]) -> Credits:
    """NAME:role pairs."""
    pairs = []
    for value in values:
        name, colon, role = (part.strip() for part in value.rpartition(":"))
        if not (name and colon and role):
            raise click.BadParameter(f'"{plain(value)}" is not NAME:role, as in "Ada Okoro:composer"')
        pairs.append((name, role))
    return tuple(pairs)


jobs_option = click.option(
    "--jobs", type=click.IntRange(1), metavar="N", help="Worker processes; one for each core if not given."
)


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH...]")
@registry_option
@click.option("--catalog", type=click.Path(dir_okay=False, path_type=Path), metavar="CSV",
              help="Register the works in this table: work_id,title,medium,path,licence,source.")  # fmt: skip
@click.option("--credits", "credits_file", type=click.Path(dir_okay=False, path_type=Path), metavar="CSV",
              help="With --catalog: the humans, as work_id,name,role.")  # fmt: skip
@click.option("--title", default="", help="The work's title; else from the file's tags, else from its name.")
@click.option("--credit", "credits", multiple=True, callback=credit_of, metavar="NAME:ROLE",
              help="A human who made it, and how. Repeat for each.")  # fmt: skip
@click.option("--work-id", default="", help="The work's id; else made from its file's name and content.")
@click.option("--licence", default="", help="Under which licence it may be used.")
@click.option("--source", default="", help="Where it comes from.")
@click.option("--no-twins", is_flag=True, help="Do not look for works that are registered already in nearly the same form.")
@jobs_option
@json_option
def register(
    paths: tuple[str, ...], registry: Path, catalog: Path | None, credits_file: Path | None, credits: Credits, no_twins: bool,
    jobs: int | None, as_json: bool, **about: str,
) -> None:  # fmt: skip
    """Register works with the humans credited on them.

    PATHs are files, folders, globs or portable fingerprints; or give a catalogue. Only fingerprints are kept, never the
    works. It may be stopped at any time and run again: nothing is registered twice, nothing half. What cannot be
    registered is listed with the reason, the rest is done, and the exit status is 1.
    """
    _check_usage(paths, catalog, credits_file, bool(credits or about["title"] or about["work_id"]))
    report = ImportReport((lambda row: click.echo(line(row))) if as_json else (lambda row: None))
    if catalog:
        total, wanted = _catalogued(catalog, credits_file, report)
    else:
        files = found(paths, also=(PORTABLE,))
        if len(files) > 1 and (about["title"] or about["work_id"]):
            raise click.UsageError("--title and --work-id are for one file; these are several.")
        total, wanted = len(files), (_single(file, credits, about) for file in files)
    _take_in(wanted, registry, report, not no_twins, as_json, total, min(jobs or cores(), max(1, total)))


def _check_usage(paths: tuple[str, ...], catalog: Path | None, credits_file: Path | None, single: bool) -> None:
    if bool(paths) == bool(catalog):
        raise click.UsageError("Give either files to register or --catalog.")
    if catalog and single:
        raise click.UsageError("--title, --credit and --work-id are for single files; a catalogue has them in its tables.")
    if credits_file and not catalog:
        raise click.UsageError("--credits goes with --catalog; for a file use --credit NAME:role.")


def _single(file: Found, credits: Credits, about: dict[str, str]) -> Wanted:
    from registry.hits import Credit

    made_by = tuple(Credit(name, role) for name, role in credits)
    path = str(Path(file.name).absolute())
    return Wanted(
        file.name, path, file.name, work_id=about["work_id"], title=about["title"], licence=about["licence"],
        source=about["source"], credits=made_by, error=file.error,
    )  # fmt: skip


def _take_in(
    wanted: Iterable[Wanted], path: Path, report: ImportReport, near_twins: bool, as_json: bool, total: int, jobs: int
) -> None:
    start = time.monotonic()
    with contextlib.ExitStack() as stack:
        registry = stack.enter_context(opened(path, write=True, create=True))
        pool = stack.enter_context(Pool(TASK, {"registry": str(path)}, jobs))
        stack.callback(_tell, report, as_json, start)  # also when it is stopped or the disk is full: what was done counts
        progress = stack.enter_context(Progress("registering", total))
        Intake(registry, pool, report, progress, near_twins).take(wanted)
    if report.refused:
        raise SystemExit(1)


def _tell(report: ImportReport, as_json: bool, start: float) -> None:
    if as_json:
        click.echo(line(report.totals()))
        return
    for text in told(report, time.monotonic() - start):
        click.echo(text)


def told(report: ImportReport, seconds: float) -> Iterator[str]:
    """The import report for people."""
    for row in report.accepted_rows if report.accepted <= KEPT_ROWS else ():
        yield f'registered "{plain(row["title"])}" ({NOUNS[row["medium"]]}) as {plain(row["work"])}'
    for refusal in report.refused:
        yield f"refused: {plain(refusal['reason'])}{_where(refusal)}"
    for twin in report.twins:
        yield f"twins: {plain(twin['work'])} has {twin['how']} as {plain(twin['twin'])}; both stay, linked"
    parts = [f"{count(report.accepted, 'work')} registered"]
    if report.known:
        parts.append(f"{report.known:,} known before")
    if report.refused:
        parts.append(f"{len(report.refused):,} refused")
    rate = f", {report.accepted / seconds:.1f} works/s" if report.accepted > 1 else ""
    yield f"{', '.join(parts)} ({seconds:.1f} s{rate})."
    if report.uncredited:
        yield f"{count(report.uncredited, 'work')} without credits: nobody can be named for what is found of them."


def _where(refusal: dict[str, Any]) -> str:
    return f" ({plain(refusal['file'])}, line {refusal['line']})" if refusal["line"] else ""


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="FILE...")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), metavar="X.fp",
              help="Where to write; with several files, a folder.")  # fmt: skip
@jobs_option
def fingerprint(paths: tuple[str, ...], output: Path, jobs: int | None) -> None:
    """Write portable fingerprints.

    From them works can be registered without handing them over. The file holds no media. It says which schemes made it,
    so that `byline register X.fp` knows whether it can use it.
    """
    files = found(paths)
    several = len(files) > 1 or output.is_dir()
    if several:
        output.mkdir(parents=True, exist_ok=True)
    failed, taken = 0, set[Path]()
    with Pool(FINGERPRINT_TASK, {}, min(jobs or cores(), max(1, len(files)))) as pool:
        for job, answer in pool.answers(file.job() for file in files):
            if answer.error is not None:
                failed += 1
                click.echo(f"refused: {plain(answer.error['message'])}")
                continue
            target = _free(output, str(job["name"]), taken) if several else output
            write_whole(target, answer.body)
            click.echo(f"{plain(str(target))}  {len(answer.body):,} bytes, {', '.join(answer.head['schemes'])}")
    if failed:
        raise SystemExit(1)


def _free(folder: Path, name: str, taken: set[Path]) -> Path:
    """A file for this name in the folder; files of one name from several folders do not overwrite each other."""
    for number in itertools.count(1):
        target = folder / f"{Path(name).name}{'' if number == 1 else f'-{number}'}{PORTABLE}"
        if target not in taken:
            break
    taken.add(target)
    return target


def _catalogued(catalog: Path, credits_file: Path | None, report: ImportReport) -> tuple[int, Iterator[Wanted]]:
    """How many works a catalogue has, and the works; rows that cannot be used are put into the report."""
    from registry.catalogue import count_works, read_catalogue
    from registry.tables import Refusal

    def refuse(row: Refusal) -> None:
        report.refuse(row.file, row.line, row.work_id, "catalogue", f"{row.work_id or Path(row.file).name}: {row.reason}")

    def works() -> Iterator[Wanted]:
        for work in read_catalogue(catalog, credits_file, refuse):
            path = str(work.path.absolute())
            yield Wanted(
                str(work.path), path, work.file, work.line, work.work_id, work.title, work.licence, work.source,
                work.extra, work.credits, work.holders,
            )  # fmt: skip

    return count_works(catalog), works()
