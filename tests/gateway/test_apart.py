"""Work in a child that is forked before there are threads. Each case is a process of its own: that of the tests has threads."""

import subprocess
import sys

import pytest

from tests.e2e.surroundings import ROOT

BEGIN = "import os, signal, sys\nfrom apps.gateway.process.apart import Apart\n"


def said(code: str) -> list[str]:
    ended = subprocess.run(
        [sys.executable, "-c", BEGIN + code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    return ended.stdout.split()


def test_it_is_done_in_another_process_and_only_when_it_is_told():
    code = """
def work():
    print(f"done-{os.getpid() == parent}", flush=True)
parent = os.getpid()
with Apart(work) as apart:
    print("before", flush=True)
    print(apart.run(), flush=True)
"""

    assert said(code) == ["before", "done-False", "True"]


@pytest.mark.parametrize("work", ["1 / 0", "sys.exit(0)", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_work_that_fails_is_not_done_and_says_nothing_itself(work: str):
    assert said(f"with Apart(lambda: {work}) as apart:\n    print(apart.run())") == ["False"]


def test_who_is_never_told_ends_without_having_worked():
    code = """
with Apart(lambda: print("worked", flush=True)) as apart:
    child = apart._pid
try:
    os.kill(child, 0)
except ProcessLookupError:
    print("gone")
"""

    assert said(code) == ["gone"]


def test_a_child_that_was_killed_is_not_waited_for():
    code = """
with Apart(lambda: None) as apart:
    os.kill(apart._pid, signal.SIGKILL)
    print(apart.run())
"""

    assert said(code) == ["False"]
