"""The settings: what is refused, misspelt, or does not go together."""

import difflib
import os
from collections.abc import Iterator
from importlib.util import find_spec
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import run_checks

from apps.gateway.traffic import spans
from freeai import env
from freeai.checks import TAG
from freeai.doctor.findings import Finding, error, note, ok, warning

OTHERS: Final = frozenset({"FREEAI_KEY", "FREEAI_ADMIN", "FREEAI_IMAGE", "FREEAI_EXTRAS", "FREEAI_DOMAIN"})
"""Variables of this family that something else reads: the documents' examples, compose."""
SECRETS: Final = ("FREEAI_ADMIN_TOKEN", "FREEAI_METRICS_TOKEN", "FREEAI_NOTICE_SECRET", "FREEAI_SECRET_KEY")
LEAST_CHARACTERS: Final = 8
OF_TESTS: Final = "FREEAI_TEST_"
LOCAL_NAMES: Final = frozenset({"localhost", ""})


def variables() -> Iterator[Finding]:
    """What is refused ends every other command; a name that nobody reads does nothing at all, in silence."""
    for refusal in run_checks(tags=[TAG]):
        yield error(str(refusal.msg), "Correct the variable, or unset it.")
    given = {name for name in os.environ if name.startswith("FREEAI_") and not name.startswith(OF_TESTS)}
    for name in sorted(given - env.known - OTHERS):
        near = difflib.get_close_matches(name, env.known, n=1)
        yield warning(
            f"{name} is set, and nothing reads it.",
            f"Did you mean {near[0]}?"
            if near
            else "docs/CONFIGURATION.md lists the variables; unset this one.",
        )
    yield ok(f"{len(given & env.known)} variables are set, all others are at their defaults.")


def secrets_given() -> Iterator[Finding]:
    """Secrets that are in two places, of which one counts."""
    for name, file in (
        ("FREEAI_SECRET_KEY", settings.FREEAI_SECRETS_DIR / "secret_key"),
        ("FREEAI_MASTER_KEYS", settings.MASTER_KEYS_FILE),
    ):
        if env.is_given(name) and file.exists() and file.read_text().strip() != os.environ[name].strip():
            yield warning(
                f"{name} is set, so that {file}, which holds another value, counts for nothing.",
                "Keep one of them: whoever starts FreeAI without the variable uses the file.",
            )


def tokens() -> Iterator[Finding]:
    """Secrets that are handed to different people have to differ, and be guessed by nobody."""
    given = {name: os.environ.get(name, "").strip() for name in SECRETS}
    names = sorted(name for name, value in given.items() if value)
    for number, name in enumerate(names):
        for other in names[number + 1 :]:
            if given[name] == given[other]:
                yield error(
                    f"{name} and {other} are the same: whoever was given one has the other.",
                    "Make a new one of them.",
                )
        if len(set(given[name])) < LEAST_CHARACTERS:
            yield warning(
                f"{name} is made of {len(set(given[name]))} different characters: it can be guessed.",
                'python -c "import secrets; print(secrets.token_urlsafe(32))"',
            )


def web() -> Iterator[Finding]:
    """Who reaches it, over what, and what the proxy in front is believed."""
    secure, public = settings.SECURE, settings.PUBLIC_URL
    host = urlsplit(public).hostname or ""
    in_the_open = not is_local(settings.FREEAI_HOST) or (bool(public) and not is_local(host))
    yield from _proxy(secure, public)
    if public and not secure and not is_local(host):
        yield warning(
            f"FREEAI_PUBLIC_URL is {public}: keys and passwords pass the network in the clear.",
            "Put a proxy with TLS in front and name its https:// URL (docs/OPERATIONS.md § 1.2).",
        )
    if not is_local(settings.FREEAI_HOST) and not public:
        yield warning(
            f"FreeAI listens on {settings.FREEAI_HOST} without FREEAI_PUBLIC_URL: keys pass the network in the clear, and the admin site "
            "answers to the names of FREEAI_ALLOWED_HOSTS only.",
            "Set FREEAI_PUBLIC_URL, or listen on 127.0.0.1.",
        )
    if settings.TRUST_PROXY and not is_local(settings.FREEAI_HOST):
        yield note(
            "FREEAI_TRUST_PROXY believes the last entry of X-Forwarded-For, whoever sends it.",
            f"Let nobody but the proxy reach port {settings.FREEAI_PORT}.",
        )
    if settings.DEBUG:
        yield (error if in_the_open else warning)(
            "FREEAI_DEBUG is on: errors show settings and source to whoever causes them.",
            "Unset FREEAI_DEBUG.",
        )
    if "*" in settings.ALLOWED_HOSTS:
        yield warning(
            "FREEAI_ALLOWED_HOSTS is *: links in the admin site may be made to lead elsewhere.",
            "Name the hosts.",
        )
    if in_the_open and not settings.FREEAI_METRICS_TOKEN:
        yield warning(
            "/metrics is open: names of providers and how much is used are for everybody to read.",
            "Set FREEAI_METRICS_TOKEN, or let the proxy close /metrics.",
        )
    if secure:
        for found in run_checks(tags=["security"], include_deployment_checks=True):
            yield warning(f"{found.id}: {found.msg}", str(found.hint or "See Django's deployment checklist."))
    yield ok(public or f"http://{settings.FREEAI_HOST}:{settings.FREEAI_PORT}")


def _proxy(secure: bool, public: str) -> Iterator[Finding]:
    """The proxy that ends TLS and the URL that it serves: one without the other."""
    if secure and not settings.TRUST_PROXY:
        yield error(
            f"FREEAI_PUBLIC_URL is {public}, and FREEAI_TRUST_PROXY is off: each request counts as http and is redirected, for ever.",
            "Set FREEAI_TRUST_PROXY=1, and let the proxy that ends TLS send X-Forwarded-Proto.",
        )
    if settings.TRUST_PROXY and not public:
        yield warning(
            "FREEAI_TRUST_PROXY is on without FREEAI_PUBLIC_URL: behind the proxy the admin site answers to the names of "
            "FREEAI_ALLOWED_HOSTS only, and its cookies pass without TLS too.",
            "Set FREEAI_PUBLIC_URL to the URL that users see, or unset FREEAI_TRUST_PROXY where no proxy is.",
        )


def extras() -> Iterator[Finding]:
    """What is switched on and needs something that is not there."""
    if settings.FREEAI_OIDC_ISSUER and not settings.SECURE:
        yield warning(
            "Single sign-on is on without an https FREEAI_PUBLIC_URL: its redirect URI begins with http, which issuers refuse.",
            "Set FREEAI_PUBLIC_URL to the https:// URL that is registered with the issuer.",
        )
    if spans.wanted() and not _is_installed("opentelemetry.sdk"):
        yield warning(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, and the packages that send traces are not installed.",
            "make traces, or build the image with EXTRAS=otel.",
        )


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # not even the package that it is in
        return False


def is_local(host: str) -> bool:
    """Whether only this machine is meant."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host in LOCAL_NAMES or host.endswith(".localhost")
