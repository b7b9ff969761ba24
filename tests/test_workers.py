"""One bad file costs one file: crashes, hangs and memory bombs, in the workers that decode untrusted media."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from desk import workers
from desk.workers import Limits, Pool, Worker, WorkerFailed
from fingerprint import text_meaning

HERE = Path(__file__).parent
LIMITS = Limits(memory_bytes=512 << 20, floor_s=20.0)


@pytest.fixture(autouse=True)
def hostile_tasks(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(HERE))


def pool(jobs: int = 1, limits: Limits = LIMITS, task: str = "hostile:serve") -> Pool:
    return Pool(task, {"word": "yes"}, jobs, limits)


def ask(names: list[str], jobs: int = 1, limits: Limits = LIMITS) -> list[workers.Answer]:
    with pool(jobs, limits) as p:
        return [answer for _, answer in p.answers({"path": name} for name in names)]


def code_of(answer: workers.Answer) -> str:
    return answer.error["code"] if answer.error else ""


def test_hello_and_answers_come_back_in_order_with_their_bytes():
    names = ["slow-1", "b", "slow-2", "c\n\U0001f3b5.wav", "d\udcff"]
    with pool(jobs=2) as p:
        assert p.hello() == {"ready": "yes"}
        answers = list(p.answers({"path": n} for n in names))
    assert [job["path"] for job, _ in answers] == names
    assert [a.head["path"] for _, a in answers] == names
    assert [a.body for _, a in answers] == [n.encode("utf-8", "surrogateescape") * 3 for n in names]


@pytest.mark.parametrize(
    ("name", "code", "says"),
    [
        ("crash-1", "crash", "SIGSEGV"),
        ("exit-1", "crash", "status 3"),
        ("killed-1", "memory", "memory"),
        ("bug-1", "internal", "ZeroDivisionError: a bug"),
        ("unreadable-1", "empty", "the file is empty"),
    ],
)
def test_a_bad_file_costs_one_file(name, code, says):
    before, bad, after = ask(["good-1", name, "good-2"])
    assert [code_of(before), code_of(bad), code_of(after)] == ["", code, ""]
    assert bad.error and says in bad.error["message"] and bad.error["message"].startswith(f"{name}: ")
    assert after.head["path"] == "good-2"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not enforce RLIMIT_DATA")
def test_a_memory_bomb_costs_one_file():
    answers = ask(["good-1", "bomb-1", "good-2"])
    assert [code_of(a) for a in answers] == ["", "memory", ""]


def test_a_hang_costs_one_file_and_its_time():
    start = time.monotonic()
    answers = ask(["good-1", "hang-1", "good-2"], limits=Limits(floor_s=1.0))
    assert [code_of(a) for a in answers] == ["", "timeout", ""]
    assert time.monotonic() - start < 15


def test_what_a_library_prints_does_not_reach_the_answers():
    assert [code_of(a) for a in ask(["noisy-1", "good-1"])] == ["", ""]


def test_a_file_is_not_blamed_for_the_damage_an_earlier_one_did():
    first, second = ask(["good-1", "second-1"])
    assert code_of(second) == "" and second.head["seen"] == 1
    assert second.head["pid"] != first.head["pid"]


def test_a_job_that_has_failed_before_keeps_its_place():
    with pool() as p:
        jobs = [{"path": "a"}, {"path": "b", "error": {"code": "missing", "message": "b: gone"}}, {"path": "c"}]
        answers = [a for _, a in p.answers(jobs)]
    assert [code_of(a) for a in answers] == ["", "missing", ""]


def test_a_task_that_cannot_start_says_why():
    with pool(task="hostile:refuse") as p, pytest.raises(WorkerFailed, match="no such registry"):
        p.hello()


def test_a_registry_that_fails_ends_the_batch_and_is_no_files_fault():
    with pool() as p, pytest.raises(WorkerFailed, match="restore a backup"):
        list(p.answers([{"path": "good-1"}, {"path": "registry-1"}, {"path": "good-2"}]))


def test_an_installation_that_is_damaged_is_said_to_be():
    with pool(task="no_such_module:task") as p, pytest.raises(WorkerFailed, match="no_such_module"):
        p.hello()


def test_leaving_the_pool_ends_its_workers_even_in_the_middle():
    start = time.monotonic()
    with pool(jobs=2) as p:
        for _, answer in p.answers({"path": name} for name in ("good-1", "hang-1", "hang-2", "hang-3")):
            pid = answer.head["pid"]
            break
    assert gone(pid) and time.monotonic() - start < 10


def gone(pid: int) -> bool:
    """Whether the process ends within a few seconds."""
    for _ in range(100):
        if not alive(pid):
            return True
        time.sleep(0.05)
    return False


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_worker_ends_when_its_parent_is_killed():
    code = (
        "import sys, time; sys.path.insert(0, sys.argv[1]); from desk.workers import Pool\n"
        "p = Pool('hostile:serve', {'word': 'yes'}); p.hello()\n"
        "print(next(p.answers([{'path': 'good'}]))[1].head['pid'], flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(workers.ROOT)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert gone(worker)


def test_a_worker_is_replaced_after_many_files(monkeypatch):
    monkeypatch.setattr(workers, "FILES_PER_WORKER", 2)
    pids = [a.head["pid"] for a in ask(["a", "b", "c", "d"])]
    assert pids[0] == pids[1] != pids[2] == pids[3]


def test_larger_files_get_more_time(tmp_path):
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(b"x")
    with large.open("wb") as file:
        file.truncate(1_000_000_000)  # sparse
    assert Limits().seconds(str(small)) < 181
    assert Limits().seconds(str(large)) == pytest.approx(180 + 4000)
    assert Limits().seconds(str(tmp_path / "gone")) == 180


def test_texts_get_more_time_where_a_network_reads_them(tmp_path, monkeypatch):
    monkeypatch.setattr(text_meaning, "installed", lambda: True)
    assert Limits().seconds(str(tmp_path / "novel.txt")) == 180 + text_meaning.SLOWEST_S
    assert Limits().seconds(str(tmp_path / "film.mp4")) == 180
    monkeypatch.setattr(text_meaning, "installed", lambda: False)
    assert Limits().seconds(str(tmp_path / "novel.txt")) == 180


def test_a_worker_gets_its_own_file_only(tmp_path, monkeypatch):
    """A folder named like one of our packages, where the user stands, is not imported."""
    (tmp_path / "desk").mkdir()
    (tmp_path / "desk" / "__init__.py").write_text("raise SystemExit('imported')")
    monkeypatch.chdir(tmp_path)
    worker = Worker("hostile:serve", {"word": "yes"}, LIMITS)
    assert worker.hello == {"ready": "yes"}
    worker.kill()
