"""Secrets that are planted, and every place where one could turn up."""

import sqlite3
import zlib
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
from cryptography.fernet import Fernet
from django.core import signing

from tests.e2e import plain
from tests.e2e.server import Server


def canary(name: str) -> str:
    """Neither its beginning nor its end is another one's."""
    digest = sha256(name.encode()).hexdigest()
    return f"{digest[:12]}-{name}-{digest[-12:]}"


ADMIN_TOKEN = canary("admin-token")
METRICS_TOKEN = canary("metrics-token")
MASTER_KEY = Fernet.generate_key().decode()
SECRET_KEY = canary("secret-key-of-fifty-characters-and-more-0123456789")
PROVIDER_KEY = canary("provider-key")
PROMPT = canary("prompt")
ANSWER = canary("answer")
OF_THE_GATEWAY = (ADMIN_TOKEN, METRICS_TOKEN, MASTER_KEY, SECRET_KEY)
ENVIRONMENT: Any = {
    "FREEAI_LOG_LEVEL": "debug",
    "FREEAI_ADMIN_TOKEN": ADMIN_TOKEN,
    "FREEAI_METRICS_TOKEN": METRICS_TOKEN,
    "FREEAI_MASTER_KEYS": MASTER_KEY,
    "FREEAI_SECRET_KEY": SECRET_KEY,
}
AROUND = 200


def text_of(response: httpx.Response) -> str:
    """Status line, headers and body."""
    return f"{response.status_code} {response.headers} {response.text}"


def found(texts: Iterable[str], canaries: Iterable[str]) -> list[str]:
    """Each canary that some text holds, with its surroundings."""
    return [
        text[max(0, text.find(canary) - AROUND) : text.find(canary) + AROUND]
        for text in texts
        for canary in canaries
        if canary in text
    ]


def everything_kept(gateway: Server) -> list[str]:
    """Every column of every table by its name, and every file of the data directory but the secrets' own: the log, the database with what
    is deleted and what is in its journal, the spool, the state."""
    log = gateway.data_dir / "console.log"
    assert '"route":' in log.read_text(), "the log is being written"
    with sqlite3.connect(gateway.data_dir / "freeai.sqlite3") as database:
        database.execute("PRAGMA wal_checkpoint(PASSIVE)")
        columns = [f"{table}.{column}: {texts}" for table, column, texts in _columns(database)]
        decisions = [
            f"decision: {zlib.decompress(body).decode()}"
            for (body,) in database.execute("SELECT body FROM request_decisions")
        ]
    assert len(columns) > 100, "the tables are there"
    files = [path for path in gateway.data_dir.rglob("*") if path.is_file() and _is_ours(path)]
    return (
        columns
        + decisions
        + _sessions(gateway)
        + [f"{path.name}: {content.decode('latin-1')}" for path in files if (content := _read(path))]
    )


def _read(path: Path) -> bytes:
    """Nothing of a segment of the spool that is written to the database meanwhile."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def _columns(database: sqlite3.Connection) -> list[tuple[str, str, str]]:
    tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return [
        (table, column[1], str(database.execute(f'SELECT "{column[1]}" FROM "{table}"').fetchall()))  # noqa: S608 - names of the schema
        for table in tables
        for column in database.execute(f'PRAGMA table_info("{table}")').fetchall()
    ]


def _sessions(gateway: Server) -> list[str]:
    """What is in sessions: their column is signed and packed."""
    with sqlite3.connect(gateway.data_dir / "freeai.sqlite3") as database:
        packed = [text for (text,) in database.execute("SELECT session_data FROM django_session")]
    salt = "django.contrib.sessions.SessionStore"
    return [f"session: {signing.loads(text, key=SECRET_KEY, salt=salt)}" for text in packed]


def _is_ours(path: Path) -> bool:
    return path.parent.name not in ("secrets", "static")


def everything_shown(gateway: Server) -> list[str]:
    """Every page of `/api` that needs no name, the metrics and the probes, as an administrator sees them."""
    admin = {"X-Admin-Token": ADMIN_TOKEN}
    with plain.Client(base_url=gateway.url, timeout=30) as http:
        paths = http.get("/api/schema/").json()["paths"]
        wanted = [path for path, item in paths.items() if "get" in item and path.startswith("/api/")]
        pages = [http.get(path, headers=admin) for path in wanted if "{" not in path]
        names = ("groq", "gemini", "mistral", "cohere")
        for path in ("/api/providers/{}", "/api/providers/{}/models", "/api/me/providers/{}"):
            pages += [http.get(path.format(name), headers=admin) for name in names]
        pages += [http.get("/api/clients?all=true", headers=admin)]
        metrics = http.get("/metrics", headers={"Authorization": f"Bearer {METRICS_TOKEN}"})
        pages += [http.get("/metrics"), http.get("/readyz"), http.get("/livez")]
    assert {page.status_code for page in pages} <= {200, 401}
    assert "freeai_provider_calls_total" in metrics.text
    return [text_of(page) for page in (*pages, metrics)]
