"""A short soak: what a long one finds at once. Its figures of time and memory are those of a long one, on a machine of its own."""

import subprocess
import sys

import pytest

from tests.e2e.surroundings import ROOT, clean_env

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

HELD = ("requests that failed by our fault", "unhandled exceptions in the log", "differences in the ledger")


def test_traffic_with_faults_leaves_no_failure_no_exception_and_no_difference():
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.soak", "--minutes", "0.4", "--seed", "1"],
        cwd=ROOT,
        env=clean_env(),
        capture_output=True,
        text=True,
        timeout=360,
        check=False,
    )

    said = {line[:48].strip(): line[48:].split() for line in ended.stdout.splitlines()}
    assert {label: (said[label][0], said[label][-1]) for label in HELD} == dict.fromkeys(
        HELD, ("0", "yes")
    ), ended.stderr
    assert "chat ok" in ended.stderr and "leave ok" in ended.stderr
