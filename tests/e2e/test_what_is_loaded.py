"""What serving needs not, it does not load: a package that somebody imports at the head of a file is paid for by every process."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import server
from tests.e2e.server import Server
from tests.e2e.surroundings import ROOT, clean_env

TOLD = re.compile(r"^import time:\s+\d+ \|\s+\d+ \|\s+(\S+)$", re.MULTILINE)
"""How Python tells of an import, where PYTHONPROFILEIMPORTTIME asks for it."""

OTHERS_BUSINESS = {
    "psycopg": "the database is SQLite",
    "redis": "no Redis is named",
    "channels_redis": "no Redis is named",
    "celery": "the child's",
    "kombu": "the child's",
    "aiohttp": "of the engine that is not chosen",
    "allauth": "no issuer is named",
    "opentelemetry": "no collector is named",
    "rest_framework.serializers": "of /api",
    "drf_spectacular.plumbing": "of /api's document",
    "rest_framework_simplejwt": "of /api",
    "apps.gateway.api.urls": "of /api",
    "apps.console.pages.urls": "of the admin site",
    "apps.console.admin": "of the admin site",
    "django.contrib.auth.admin": "of the admin site",
    "requests": "of nobody",
    "jsonschema": "of nobody",
    "PIL": "of nobody",
    "unittest": "of tests",
}


def loaded(running: Server) -> set[str]:
    """What the process has imported since it began."""
    return set(TOLD.findall((running.data_dir / "console.log").read_text()))


@pytest.fixture
def serving(data_dir: Path) -> Iterator[Server]:
    running = server.start(data_dir, "--no-tasks", from_nothing=True, PYTHONPROFILEIMPORTTIME="1")
    yield running
    running.stop()


def test_serving_loads_nothing_that_is_the_business_of_others(serving: Server):
    assert serving.chat().status_code == 200
    assert serving.metric("freeai_requests_in_flight") >= 0

    modules = loaded(serving)

    assert {"apps.gateway.attempts.dispatch", "uvicorn", "django.db"} <= modules
    assert {name: OTHERS_BUSINESS[name] for name in modules & OTHERS_BUSINESS.keys()} == {}


def test_the_worker_loads_no_django_before_a_task_is_due(data_dir: Path):
    code = "import freeai.embedded.worker, celery.apps.worker, kombu.transport.filesystem, sys; print(*sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=clean_env(), capture_output=True, check=True
    )

    modules = set(ended.stdout.decode().split())

    assert "celery.worker" in modules
    assert (
        modules
        & {"django.conf", "django.db", "freeai.settings", "cryptography", "aiohttp", "prometheus_client"}
        == set()
    )
