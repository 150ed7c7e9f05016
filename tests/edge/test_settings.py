"""Values that a variable may not have: each is refused by itself, in one sentence that names it. What the processes make of that:
tests/e2e/test_settings.py."""

import os
import runpy
from pathlib import Path

import pytest

from freeai import checks, env
from tests.edge.test_env import KNOWN

SETTINGS = Path(env.__file__).with_name("settings.py")

BAD = {
    "FREEAI_DATA_DIR": "manage.py/data",
    "FREEAI_HOST": "http://localhost:8000",
    "FREEAI_PORT": "80000",
    "FREEAI_DATABASE_URL": "mysql://user:hunter2@host/name",
    "FREEAI_REDIS_URL": "hunter2:6379",
    "FREEAI_STATE": "hunter2:6379",
    "FREEAI_WORKERS": "many",
    "FREEAI_MASTER_KEYS": "hunter2",
    "FREEAI_SECRET_KEY": "hunter2",
    "FREEAI_ADMIN_TOKEN": "hunter2-and-more-but-not-enough",
    "FREEAI_FIRST_ADMIN": "anybody",
    "FREEAI_METRICS_TOKEN": "hunter2 päss",
    "FREEAI_PUBLIC_URL": "freeai.example.com",
    "FREEAI_ALLOWED_HOSTS": "https://freeai.example.com",
    "FREEAI_CORS_ORIGINS": "chat.example.com/page",
    "FREEAI_TRUST_PROXY": "nginx",
    "FREEAI_MAX_CONNECTIONS": "-1",
    "FREEAI_MAX_HEAD_BYTES": "64K",
    "FREEAI_MAX_HEADERS": "0",
    "FREEAI_HEAD_TIMEOUT_S": "0",
    "FREEAI_BODY_TIMEOUT_S": "1m",
    "FREEAI_MAX_HELD_BODY_BYTES": "1",
    "FREEAI_BODY_SILENCE_S": "0",
    "FREEAI_SEND_TIMEOUT_S": "never",
    "FREEAI_HTTP_ENGINE": "curl",
    "FREEAI_MAX_BODY_BYTES": "26M",
    "FREEAI_MAX_ANSWER_BYTES": "8M",
    "FREEAI_MAX_MEDIA_BYTES": "32M",
    "FREEAI_MAX_SITE_BODY_BYTES": "5M",
    "FREEAI_MAX_JSON_VALUES": "all",
    "FREEAI_RESPONSE_STORE": "memory",
    "FREEAI_SPOOL_MAX_BYTES": "2G",
    "FREEAI_SHUTDOWN_GRACE_S": "-1",
    "FREEAI_DATABASE_CONNECT_TIMEOUT_S": "0",
    "FREEAI_DATABASE_STATEMENT_TIMEOUT_S": "never",
    "FREEAI_DATABASE_TCP_TIMEOUT_S": "1",
    "FREEAI_DATABASE_TURN_TIMEOUT_S": "3s",
    "FREEAI_DATABASE_MAX_CONNECTIONS": "0",
    "FREEAI_DATABASE_POOLER_URL": "sqlite:///freeai.sqlite3",
    "FREEAI_OIDC_ISSUER": "http://id.example.com",
    "FREEAI_OIDC_SCOPES": "profile email",
    "FREEAI_NOTICE_SECRET": "hunter2",
    "FREEAI_MAIL_URL": "mail.example.com:hunter2",
    "FREEAI_MAIL_FROM": "FreeAI",
    "FREEAI_AUDIT_KEEP_DAYS": "forever",
    "FREEAI_LOG_LEVEL": "verbose",
    "FREEAI_LOG_FORMAT": "xml",
    "FREEAI_DEBUG": "maybe",
}

ANY_TEXT = {
    f"FREEAI_OIDC_{name}" for name in ("CLIENT_ID", "CLIENT_SECRET", "NAME", "GROUPS_CLAIM", "STAFF_GROUPS")
}


def test_the_sweep_leaves_no_variable_out():
    assert set(BAD) | ANY_TEXT == KNOWN


OF_THE_DISK = {"FREEAI_DATA_DIR"}
"""Whether it can be used is for a check of the process to say, not for the text."""


@pytest.mark.parametrize("name", [name for name in BAD if name not in OF_THE_DISK])
def test_one_bad_value_is_one_sentence(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for other in [variable for variable in os.environ if variable.startswith("FREEAI_")]:
        monkeypatch.delenv(other)
    monkeypatch.setattr(env, "refused", {})
    monkeypatch.setenv("FREEAI_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv(name, BAD[name])

    runpy.run_path(str(SETTINGS))

    assert [sentence.split(" ")[0] for sentence in env.refused.values()] == [name]
    assert "hunter2" not in str(env.refused)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "name", ["FREEAI_OIDC_CLIENT_ID", "FREEAI_OIDC_CLIENT_SECRET", "FREEAI_OIDC_STAFF_GROUPS"]
)
def test_a_client_needs_an_issuer(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(name, "freeai")

    assert [str(error.msg).split(" ")[0] for error in checks.single_sign_on()] == ["FREEAI_OIDC_ISSUER"]
