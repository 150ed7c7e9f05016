"""A file added to the catalogue is all that a provider needs: the tests that look at the catalogue pass with it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from apps.providers.catalogue_files import FOLDER

RUN_S = 250
DRIVING = frozenset({"browser", "e2e"})
"""Rooms that start servers, to which a provider more is one more row."""
ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "PROVIDERS.md").read_text(encoding="utf-8")


@pytest.fixture
def catalogue(tmp_path):
    """The shipped catalogue and the document's example of a provider in ten lines."""
    example = re.search(r"```toml\n(.*?)```", DOCUMENT, re.DOTALL)
    assert example
    folder = shutil.copytree(FOLDER, tmp_path / "catalogue")
    (folder / "scaleway.toml").write_text(example[1])
    return folder


def run_tests(catalogue, *arguments):
    """pytest with this catalogue, on a database of its own: what the run around it may be using stays alone."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("FREEAI_TEST_", "PYTEST_"))
    }
    options = ["-q", "-p", "no:cacheprovider", "-p", "tests.providers.other_catalogue"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *arguments],
        cwd=ROOT,
        env=environment | {"FREEAI_TEST_CATALOGUE": str(catalogue)},
        capture_output=True,
        text=True,
        timeout=RUN_S,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.timeout(RUN_S + 20)
def test_the_example_of_the_document_added_alone_fails_no_test(catalogue):
    readers = [
        path
        for path in (ROOT / "tests").rglob("test_*.py")
        if "read_catalogue()" in path.read_text() and DRIVING.isdisjoint(path.parts)
    ]

    run = run_tests(catalogue, *map(str, sorted(path for path in readers if path != Path(__file__))))

    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-2000:]
    assert int(re.findall(r"(\d+) passed", run.stdout)[-1]) > len(readers)


@pytest.mark.slow
def test_the_contract_says_why_it_has_no_case_for_a_provider(catalogue):
    run = run_tests(catalogue, "tests/contract", "-k", "scaleway")

    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-2000:]
    assert "scaleway has no fake upstream" in run.stdout
