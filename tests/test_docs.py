"""Documentation that cannot drift: the README's examples run, every command and its help are in docs/cli.md.

`make docs` (BYLINE_UPDATE=1) writes the help texts and the outputs shown in the README anew.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from desk.command import COMMANDS, main

ROOT = Path(__file__).resolve().parent.parent
UPDATE = bool(os.environ.get("BYLINE_UPDATE"))
CLI = ROOT / "docs" / "cli.md"
README = ROOT / "README.md"
HELP = re.compile(r"(?<=<!-- help: )(byline[a-z ]*)( -->\n```text\n)(.*?)(?=```\n)", re.S)
CHANGING = r"bytes, .*|[0-9a-f]{64}|\d[\d,.:]*|under 1 %|extremely |very |moderately "
EXAMPLE = re.compile(r"(?<=```console\n)(.*?)(?=```\n)", re.S)


def commands(group: click.Group = main, name: str = "byline") -> dict[str, click.Command]:
    """Every command by what one types."""
    found: dict[str, click.Command] = {name: group}
    context = click.Context(group, info_name=name)
    for word in group.list_commands(context):
        command = group.get_command(context, word)
        assert command is not None
        found |= commands(command, f"{name} {word}") if isinstance(command, click.Group) else {f"{name} {word}": command}
    return found


def help_of(name: str, command: click.Command) -> str:
    context = click.Context(command, info_name=name, terminal_width=100, max_content_width=100)
    return command.get_help(context) + "\n"


def test_every_command_is_documented_with_its_help():
    known = commands()
    text = CLI.read_text(encoding="utf-8")
    assert {m[1] for m in HELP.finditer(text)} == set(known), "docs/cli.md lacks a command, or has one too many"
    fresh = HELP.sub(lambda m: m[1] + m[2] + help_of(m[1], known[m[1]]), text)
    if UPDATE:
        CLI.write_text(fresh, encoding="utf-8")
    else:
        assert text == fresh, "run make docs"


def test_the_top_of_the_help_says_what_the_commands_say():
    context = click.Context(main, info_name="byline")
    for name, (_, _, told) in COMMANDS.items():
        command = main.get_command(context, name)
        assert command is not None and (command.help or "").partition("\n\n")[0].replace("\n", " ") == told


def test_help_imports_no_command():
    code = "import sys; from desk.command import main; main(['--help'], standalone_mode=False); "
    code += "sys.exit(any(m in sys.modules for m in ('desk.residuals', 'desk.scanning', 'desk.people', 'numpy')))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.DEVNULL, check=False).returncode == 0


def test_every_command_and_option_says_what_it_does():
    for name, command in commands().items():
        assert command.help, name
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"{name} {parameter.name}"


@pytest.fixture
def stranger(tmp_path, monkeypatch) -> Path:
    """A folder with nothing but the sample media in it, and `byline` on the path."""
    shutil.copytree(ROOT / "sample_media", tmp_path / "sample_media")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "byline").write_text(
        f"#!/bin/sh\nexec {shlex.quote(sys.executable)} -c "
        f'\'import sys; sys.path.insert(0, "{ROOT}"); from desk.command import main; main(prog_name="byline")\' "$@"\n'
    )
    (tmp_path / "bin" / "byline").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("BYLINE_REGISTRY", raising=False)
    return tmp_path


def steps(block: str) -> list[tuple[str, str]]:
    """(command, output shown) pairs of a console block."""
    parts = re.split(r"^\$ ", block, flags=re.M)[1:]
    return [(command.strip(), shown) for command, _, shown in (part.partition("\n") for part in parts)]


def scrubbed(text: str) -> list[str]:
    """Lines with their numbers taken out, which change whenever recognition gets better."""
    return [re.sub(CHANGING, "#", line).rstrip() for line in text.strip().splitlines()]


@pytest.mark.skipif(sys.platform == "win32", reason="the examples are for a POSIX shell")
@pytest.mark.timeout(300)
def test_readme_examples_run_and_show_what_they_print(stranger):
    text = README.read_text(encoding="utf-8")
    blocks = [b for b in EXAMPLE.findall(text) if "$ byline" in b]
    assert blocks
    fresh = text
    for block in blocks:
        written = block
        for command, shown in steps(block):
            run = subprocess.run(["sh", "-c", command], cwd=stranger, capture_output=True, text=True, timeout=200, check=False)
            assert run.returncode in (0, 1) and "Traceback" not in run.stderr, f"{command}\n{run.stderr}"
            written = written.replace(f"$ {command}\n{shown}", f"$ {command}\n{run.stdout}{run.stderr}")
        assert UPDATE or scrubbed(block) == scrubbed(written), f"run make docs\n{written}"
        fresh = fresh.replace(block, written)
    if UPDATE:
        README.write_text(fresh, encoding="utf-8")


def test_the_readme_opens_with_the_two_commands():
    text = README.read_text(encoding="utf-8")
    first = text[: text.index("## ")]
    assert "make demo" in first and "make test" in first


def test_local_links_lead_somewhere():
    pages = [README, ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
    for page in pages:
        for target in re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} -> {target}"


def test_no_marks_of_unfinished_work():
    for page in (README, CLI, ROOT / "CHANGELOG.md"):
        assert not re.search(r"\b(TODO|FIXME|TBD|XXX)\b", page.read_text(encoding="utf-8"))
