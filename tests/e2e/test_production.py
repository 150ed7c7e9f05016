"""With an https public URL behind a proxy: the deployment check, headers of every kind of answer, and cookies of a sign-in."""

import re
from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.fernet import Fernet

from tests.e2e import plain, server, tables
from tests.e2e.entrances import manage
from tests.e2e.server import Server

pytestmark = pytest.mark.slow

HOST = "freeai.example.com"
PRODUCTION: Any = {"FREEAI_PUBLIC_URL": f"https://{HOST}", "FREEAI_TRUST_PROXY": "1"}
OF_THE_PROXY = {"Host": HOST, "X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7"}
CHAT = {"messages": [{"role": "user", "content": "Hi"}]}
HSTS = "max-age=31536000; includeSubDomains; preload"
PREFLIGHT = {"Origin": "https://chat.example.com", "Access-Control-Request-Method": "POST"}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = server.start(
        tmp_path_factory.mktemp("production"),
        "--no-tasks",
        FREEAI_CORS_ORIGINS="https://chat.example.com",
        **PRODUCTION,
    )
    yield running
    running.stop()


@pytest.fixture
def proxy(gateway: Server) -> Iterator[httpx.Client]:
    """What the proxy sends on."""
    with plain.Client(base_url=gateway.url, headers=OF_THE_PROXY, timeout=30) as client:
        yield client


@pytest.mark.parametrize(
    "extra", [{}, {"FREEAI_OIDC_ISSUER": "https://id.example.com", "FREEAI_OIDC_CLIENT_ID": "freeai"}]
)
def test_the_deployment_check_finds_nothing(tmp_path: Path, extra: dict[str, str]):
    settings = PRODUCTION | extra | {"FREEAI_MASTER_KEYS": Fernet.generate_key().decode()}
    tables.lay(tmp_path)
    assert manage("setup", data_dir=tmp_path, **settings).returncode == 0

    ended = manage("check", "--deploy", "--fail-level", "WARNING", data_dir=tmp_path, **settings)

    assert (ended.returncode, ended.stdout.strip()) == (0, "System check identified no issues (0 silenced).")


@pytest.mark.parametrize(
    ("method", "path", "status", "more"),
    [
        ("GET", "/v1/models", 200, {}),
        ("POST", "/v1/chat/completions", 200, {"json": CHAT}),
        ("POST", "/v1/chat/completions", 200, {"json": CHAT | {"stream": True}}),
        ("POST", "/v1/chat/completions", 400, {"json": {}}),
        ("POST", "/v1/chat/completions", 401, {"json": CHAT, "headers": {"Authorization": "Bearer none"}}),
        ("GET", "/v1/nothing", 404, {}),
        ("PUT", "/v1/models", 405, {}),
        ("OPTIONS", "/v1/chat/completions", 204, {"headers": PREFLIGHT}),
        *(("GET", path, 200, {}) for path in ("/api/health", "/livez", "/readyz", "/metrics")),
        *(("GET", path, 200, {}) for path in ("/api/auth/status", "/api/schema/", "/api/docs/")),
        ("GET", "/api/clients", 401, {"headers": {"Authorization": ""}}),
        ("POST", "/api/auth/login", 400, {"json": {}}),
        ("GET", "/api/nothing", 404, {}),
        ("DELETE", "/api/clients", 405, {"admin": True}),
        ("GET", "/", 302, {}),
        ("GET", "/admin/", 302, {}),
        ("GET", "/admin/login/", 200, {}),
        ("POST", "/admin/login/", 403, {}),
        ("GET", "/nothing", 404, {}),
        ("GET", "/static/admin/css/base.css", 200, {}),
        ("GET", "/static/nothing.css", 404, {}),
        ("GET", "/admin/login/", 400, {"headers": {"Host": "evil.test"}}),
    ],
)
def test_every_kind_of_answer_has_its_headers(
    gateway: Server, proxy: httpx.Client, method, path, status, more
):
    key = gateway.admin_token if more.get("admin") else gateway.client_key
    headers = {
        "X-Admin-Token" if more.get("admin") else "Authorization": key
        if more.get("admin")
        else f"Bearer {key}"
    }

    answer = proxy.request(method, path, headers=headers | more.get("headers", {}), json=more.get("json"))

    told = answer.headers
    is_page = status != 204 and told.get("content-type", "").startswith("text/html")
    assert answer.status_code == status
    assert told["x-content-type-options"] == "nosniff"
    assert told["strict-transport-security"] == HSTS
    assert told["content-security-policy"].startswith(
        "default-src 'self'" if is_page else "default-src 'none'"
    )
    assert "frame-ancestors 'none'" in told["content-security-policy"]
    assert "unsafe" not in told["content-security-policy"]
    assert "server" not in told and "x-powered-by" not in told
    if path.startswith("/api/") and path != "/api/health":
        assert told["cache-control"] == "no-store"
    if is_page:
        assert told["x-frame-options"] == "DENY" and told["referrer-policy"] == "same-origin"
    assert told.get("access-control-allow-origin", "") != "*"


def test_what_came_without_https_is_sent_there_and_told_nothing_of_it(proxy: httpx.Client):
    plain = {"X-Forwarded-Proto": "http"}

    for path in ("/admin/login/", "/api/auth/status"):
        answer = proxy.get(path, headers=plain)
        assert (answer.status_code, answer.headers["location"]) == (301, f"https://{HOST}{path}")
    assert "strict-transport-security" not in proxy.get("/v1/models", headers=plain).headers


def cookies(answer: httpx.Response) -> dict[str, tuple[bool, bool, str]]:
    """Secure, HttpOnly and SameSite by name."""
    found = [SimpleCookie(line) for line in answer.headers.get_list("set-cookie")]
    return {
        name: (bool(each["secure"]), bool(each["httponly"]), each["samesite"])
        for jar in found
        for name, each in jar.items()
    }


def test_the_cookies_of_a_sign_in_are_secure(gateway: Server, proxy: httpx.Client):
    password = re.search(r"password\s+(\S+)", gateway.console)
    assert password
    answer = proxy.post("/api/auth/login", json={"username": "admin", "password": password[1]})
    page = proxy.get("/admin/login/")
    token = re.search(r'csrfmiddlewaretoken" value="([^"]+)', page.text)
    assert token
    form = {"username": "admin", "password": password[1], "csrfmiddlewaretoken": token[1]}
    sent = {"Referer": f"https://{HOST}/admin/login/", "Cookie": f"csrftoken={cookie_of(page, 'csrftoken')}"}
    signed_in = proxy.post("/admin/login/", data=form, headers=sent)

    assert (answer.status_code, signed_in.status_code) == (200, 302)
    of_api, of_admin = cookies(answer), cookies(signed_in)
    # A front end reads the CSRF token and sends it back in a header: it is no secret between the two.
    assert of_api == {
        "freeai_access": (True, True, "Strict"),
        "freeai_refresh": (True, True, "Strict"),
        "csrftoken": (True, False, "Lax"),
    }
    assert of_admin["sessionid"] == (True, True, "Lax")  # the way back from an identity provider brings it
    assert all(secure and same_site for secure, _, same_site in of_admin.values())


def cookie_of(answer: httpx.Response, name: str) -> str:
    line = next(line for line in answer.headers.get_list("set-cookie") if line.startswith(f"{name}="))
    return SimpleCookie(line)[name].value
