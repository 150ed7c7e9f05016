"""What the settings say that cannot be meant."""

import sys
from typing import Any

import pytest

from freeai import env
from tests.doctor.conftest import Examine

HTTPS = {"PUBLIC_URL": "https://ai.example.com", "SECURE": True, "SECURE_SSL_REDIRECT": True}
PROXIED = HTTPS | {"TRUST_PROXY": True, "FREEAI_METRICS_TOKEN": "x" * 20}


def test_a_misspelt_variable_is_told_with_the_one_that_was_meant(
    examine: Examine, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(env, "known", {"FREEAI_WORKERS", "FREEAI_PORT"})
    monkeypatch.setenv("FREEAI_WORKRS", "1")
    monkeypatch.setenv("FREEAI_TEST_DATABASE_URL", "of the tests")

    found = [each for each in examine("variables") if each.level == "warning" and "WORKRS" in each.text]

    assert [each.remedy for each in found] == ["Did you mean FREEAI_WORKERS?"]


def test_a_refused_value_is_a_finding_and_ends_nothing(examine: Examine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(
        env, "refused", {"FREEAI_PORT": "FREEAI_PORT must be a whole number from 0 to 65535."}
    )

    levels = {each.text: each.level for each in examine("variables")}

    assert levels["FREEAI_PORT must be a whole number from 0 to 65535."] == "error"


@pytest.mark.parametrize(
    ("changed", "level", "words"),
    [
        (HTTPS, "error", "redirected, for ever"),
        ({"PUBLIC_URL": "http://ai.example.com"}, "warning", "in the clear"),
        ({"FREEAI_HOST": "0.0.0.0"}, "warning", "without FREEAI_PUBLIC_URL"),  # noqa: S104
        (PROXIED | {"FREEAI_HOST": "0.0.0.0"}, "note", "whoever sends it"),  # noqa: S104
        ({"TRUST_PROXY": True}, "warning", "FREEAI_TRUST_PROXY is on without FREEAI_PUBLIC_URL"),
        ({"DEBUG": True}, "warning", "FREEAI_DEBUG"),
        (PROXIED | {"DEBUG": True}, "error", "FREEAI_DEBUG"),
        ({"ALLOWED_HOSTS": ["*"]}, "warning", "FREEAI_ALLOWED_HOSTS"),
        (HTTPS, "warning", "/metrics is open"),
    ],
)
def test_what_does_not_go_together_is_told(
    changed: dict[str, Any], level: str, words: str, examine: Examine, settings: Any
):
    for name, value in changed.items():
        setattr(settings, name, value)

    found = [each for each in examine("web") if words in each.text]

    assert [each.level for each in found] == [level]
    assert found[0].remedy


def test_the_defaults_are_well(examine: Examine):
    assert [each.level for each in examine("web")] == ["ok"]


def test_traces_without_their_packages(examine: Examine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    monkeypatch.delitem(sys.modules, "opentelemetry.sdk", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)  # as where it was never installed

    assert [each.remedy.split(",")[0] for each in examine("extras")] == ["make traces"]


def test_single_sign_on_without_https(examine: Examine, settings: Any):
    settings.FREEAI_OIDC_ISSUER = "https://id.example.com"

    assert ["redirect URI" in each.text for each in examine("extras")] == [True]


def test_one_secret_for_two_purposes(examine: Examine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FREEAI_ADMIN_TOKEN", "Zq8-2bUe-90kL-xYw1-77Ja-PpQ4-mmNn")
    monkeypatch.setenv("FREEAI_METRICS_TOKEN", "Zq8-2bUe-90kL-xYw1-77Ja-PpQ4-mmNn")
    monkeypatch.setenv("FREEAI_NOTICE_SECRET", "a" * 40)

    found = [each for each in examine("tokens") if "SECRET_KEY" not in each.text]

    assert [(each.level, "Zq8" in each.text) for each in found] == [("error", False), ("warning", False)]
