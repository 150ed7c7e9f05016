"""Passwords, tokens of sign-ins and keys that people store: none turns up where it does not belong, nor on any page of the admin site."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.e2e import plain, server
from tests.e2e.canaries import (
    ADMIN_TOKEN,
    ENVIRONMENT,
    OF_THE_GATEWAY,
    canary,
    everything_kept,
    everything_shown,
    found,
    text_of,
)
from tests.e2e.entrances import MANAGE
from tests.e2e.identity_provider import CLIENT, IdentityProvider
from tests.e2e.server import Server
from tests.e2e.surroundings import ROOT, clean_env

pytestmark = pytest.mark.slow

JSON = {"Content-Type": "application/json"}
ADMIN = {"X-Admin-Token": ADMIN_TOKEN}
CLIENT_SECRET = canary("client-secret")
PASSWORD, WRONG, NEXT, REFUSED = (
    canary(f"password-{name}") for name in ("right", "wrong", "next", "refused")
)
TYPED_AS_NAME = canary("typed-as-name")
WRONG_CODE = canary("wrong-code")
GARBAGE = canary("garbage")
STORED = [canary(f"stored-{way}") for way in ("by-api", "by-command", "by-file", "by-page")]
NOT_STORED = [canary(f"not-stored-{why}") for why in ("blanks", "type", "nobody", "json", "typo", "page")]
MOST_ROWS = 3


@pytest.fixture(scope="module")
def idp() -> Iterator[IdentityProvider]:
    provider = IdentityProvider(CLIENT_SECRET)
    yield provider
    provider.stop()


@pytest.fixture(scope="module")
def planted(idp: IdentityProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A gateway whose first administrator came by the set-up code, with single sign-on."""
    running = server.start(
        tmp_path_factory.mktemp("people"),
        "--no-tasks",
        from_nothing=True,
        **ENVIRONMENT,
        FREEAI_FIRST_ADMIN="code",
        FREEAI_OIDC_ISSUER=idp.issuer,
        FREEAI_OIDC_CLIENT_ID=CLIENT,
        FREEAI_OIDC_CLIENT_SECRET=CLIENT_SECRET,
        FREEAI_OIDC_STAFF_GROUPS="operators",
    )
    form = {"code": code_of(running), "username": "boss", "password": PASSWORD}
    wrong = plain.post(f"{running.url}/api/setup/first-admin", json=form | {"code": WRONG_CODE})
    assert wrong.status_code == 403 and WRONG_CODE not in wrong.text
    assert plain.post(f"{running.url}/api/setup/first-admin", json=form).status_code == 201
    yield running
    running.stop()


def code_of(gateway: Server) -> str:
    shown = re.search(r"[A-Z2-7]{6}(?:-[A-Z2-7]{6}){3}", gateway.console)
    assert shown, gateway.console
    return shown[0]


def browser_of(gateway: Server) -> httpx.Client:
    return plain.Client(base_url=gateway.url, follow_redirects=True, timeout=30)


def submit(browser: httpx.Client, path: str, **fields: str) -> httpx.Response:
    """A form of the admin site, as a browser sends it: with all that the page has filled in."""
    page = browser.get(path).text
    sent = {}
    for tag in re.findall(r"<input[^>]*>", page):
        name, value = _of(tag, "name"), _of(tag, "value")
        if name and value and (_of(tag, "type") not in ("radio", "checkbox") or " checked" in tag):
            sent[name] = value
    for name, text in re.findall(r'<textarea name="([^"]+)"[^>]*>\s*([^<]*)</textarea>', page):
        sent[name] = text.replace("&quot;", '"')
    for name, options in re.findall(r'<select name="([^"]+)"[^>]*>(.*?)</select>', page, re.S):
        if chosen := re.search(r'<option value="([^"]*)" selected', options):
            sent[name] = chosen[1]
    return browser.post(path, data=sent | fields, headers={"Referer": f"{browser.base_url}{path}"})


def _of(tag: str, attribute: str) -> str:
    found = re.search(rf'{attribute}="([^"]*)"', tag)
    return found[1] if found else ""


def csrf_of(browser: httpx.Client) -> dict[str, str]:
    return {"X-CSRFToken": browser.cookies["csrftoken"]}


@contextmanager
def signed_in(gateway: Server) -> Iterator[httpx.Client]:
    with browser_of(gateway) as browser:
        page = submit(browser, "/admin/login/", username="boss", password=PASSWORD)
        assert "/admin/logout/" in page.text
        yield browser


def search(gateway: Server, answers: list[httpx.Response], *secrets: str) -> None:
    """`secrets` are in none of the answers, and nowhere else."""
    nowhere = (*OF_THE_GATEWAY, CLIENT_SECRET, *secrets)
    assert found(map(text_of, answers), nowhere) == []
    assert found(everything_shown(gateway), (*nowhere, code_of(gateway))) == []
    kept = everything_kept(gateway)
    assert found(kept, nowhere) == []
    assert found([text for text in kept if not text.startswith("console.log")], (code_of(gateway),)) == []


def test_of_sign_ins_that_fail(planted: Server):
    garbage: list[dict] = [
        {"json": {"refresh": GARBAGE}},
        {"headers": {"Cookie": f"freeai_refresh={GARBAGE}"}},
    ]
    answers = []
    with browser_of(planted) as browser:
        for name, password in (("boss", WRONG), (TYPED_AS_NAME, "x"), (TYPED_AS_NAME, WRONG)):
            answers.append(browser.post("/api/auth/login", json={"username": name, "password": password}))
        answers += [
            browser.post("/api/auth/login", json={"username": "boss", "password": [WRONG]}),
            browser.post("/api/auth/login", json={"username": "boss", "pasword": WRONG}),
        ]
        cut = f'{{"username": "boss", "password": "{WRONG}"'
        answers += [browser.post("/api/auth/login", content=cut, headers=JSON)]
        page = submit(browser, "/admin/login/", username="boss", password=WRONG)
        for path in ("auth/me", "clients", "auth/status"):
            answers += [
                browser.get(f"/api/{path}", headers={"Authorization": f"Bearer {GARBAGE}"}),
                browser.get(f"/api/{path}", headers={"X-Admin-Token": GARBAGE}),
                browser.get(
                    f"/api/{path}", headers={"Cookie": f"freeai_access={GARBAGE}; sessionid={GARBAGE}"}
                ),
            ]
        answers += [
            browser.post(f"/api/auth/{path}", **sent) for path in ("refresh", "logout") for sent in garbage
        ]
        answers.append(browser.get(f"/sso/oidc/callback/?code={GARBAGE}&state={GARBAGE}"))
        answers.append(browser.get(f"/sso/oidc/callback/?error={GARBAGE}&state={GARBAGE}"))

    assert 'role="alert"' in page.text
    search(planted, [*answers, page], WRONG, TYPED_AS_NAME, GARBAGE)


def test_of_sign_ins_that_succeed(planted: Server, idp: IdentityProvider):
    with browser_of(planted) as browser:
        first = browser.post("/api/auth/login", json={"username": "boss", "password": PASSWORD}).json()
        second = browser.post("/api/auth/refresh", json={}, headers=csrf_of(browser)).json()
        again = browser.post("/api/auth/refresh", json={"refresh": first["refresh"]})
        left = browser.post("/api/auth/logout", json={}, headers=csrf_of(browser))
    idp.person = {"sub": "1", "preferred_username": "ada", "groups": ["operators"]}
    with browser_of(planted) as browser:
        assert browser.get("/sso/login/").status_code == 200
        assert browser.get("/api/auth/me").json()["username"] == "ada"

    assert (again.status_code, left.status_code) == (401, 204)
    assert len(idp.given) == 5
    search(planted, [again, left], PASSWORD, *first.values(), *second.values(), *idp.given)


def test_of_passwords_that_are_set(planted: Server):
    user = {"username": "carol", "password": NEXT}
    with plain.Client(base_url=planted.url, headers=ADMIN, timeout=30) as http:
        made = http.post("/api/users", json=user)
        url = f"/api/users/{made.json()['id']}"
        answers = [
            http.patch(url, json={"password": PASSWORD}),
            http.patch(url, json={"password": REFUSED, "is_staff": REFUSED}),
            http.patch(url, json={"pasword": REFUSED}),
            http.post("/api/users", json={"username": "dora", "password": REFUSED * 200}),
        ]
    with signed_in(planted) as browser:
        for path, one, two in (("auth/user/add/", REFUSED, WRONG), ("password_change/", REFUSED, WRONG)):
            fields = {"password1": one, "password2": two, "new_password1": one, "new_password2": two}
            answers.append(submit(browser, f"/admin/{path}", username="erin", old_password=WRONG, **fields))

    assert (made.status_code, answers[0].status_code) == (201, 200)
    assert all('class="err"' in page.text for page in answers[-2:]), answers[-2:]
    search(planted, [made, *answers], PASSWORD, NEXT, REFUSED, WRONG)


def test_of_provider_keys_that_are_stored(planted: Server, tmp_path: Path):
    by_api, by_command, by_file, by_page = STORED
    blanks, wrong_type, nobody, broken, typo, refused = NOT_STORED
    with plain.Client(base_url=f"{planted.url}/api/me/providers", headers=ADMIN, timeout=30) as http:
        answers = [
            http.patch("/groq", json={"api_key": by_api}),
            http.patch("/groq", json={"api_key": f"{blanks} {blanks}"}),
            http.patch("/groq", json={"api_key": [wrong_type]}),
            http.patch("/nobody", json={"api_key": nobody}),
            http.patch("/groq", content=f'{{"api_key": "{broken}"', headers=JSON),
            http.patch("/groq", json={"apikey": typo}),
            http.patch("/cloudflare", json={"settings": {"account_id": f"{typo}!"}}),
        ]
    said = command(planted, "set_provider_key", "mistral", "--user", "boss", stdin=by_command)
    said += command(planted, "set_provider_key", "cohere", "--user", "boss", stdin=f"{blanks} {blanks}")
    (tmp_path / "keys.env").write_text(f"CEREBRAS_API_KEY={by_file}\nGROQ_API_KEY='{broken}\nOTHER={typo}\n")
    said += command(
        planted, "import_provider_keys", "--user", "boss", "--env-file", str(tmp_path / "keys.env")
    )
    with signed_in(planted) as browser:
        stored = submit(browser, "/admin/providers/credential/1/change/", new_key=by_page)
        wrong = submit(browser, "/admin/providers/credential/1/change/", new_key=f"{refused} {refused}")

    assert [answer.status_code for answer in answers] == [200, 400, 400, 404, 400, 400, 400]
    assert "was changed successfully" in stored.text and "Not saved." in wrong.text
    assert found([said], (*STORED, *NOT_STORED)) == []
    search(planted, [*answers, stored, wrong], *STORED, *NOT_STORED)


def command(gateway: Server, *arguments: str, stdin: str = "") -> str:
    """What `manage.py` says."""
    ended = subprocess.run(
        [*MANAGE, *arguments],
        cwd=ROOT,
        env=clean_env() | ENVIRONMENT | {"FREEAI_DATA_DIR": str(gateway.data_dir)},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return ended.stdout + ended.stderr


def test_of_everything_on_every_page_of_the_admin_site(planted: Server):
    """Lists, forms, histories and questions before a deletion, of every model that is registered."""
    http = plain.Client(base_url=planted.url, headers=ADMIN, timeout=30)
    http.patch("/api/me/providers/groq", json={"api_key": STORED[0]})
    key = http.post("/api/clients", json={"name": "app"}).json()["api_key"]
    http.post("/api/users", json={"username": "frank", "password": NEXT})
    http.post("/api/strategies", json={"name": "mine", "definition": {}})
    http.patch("/api/config", json={"connect_timeout_s": 7})
    token = command(planted, "create_admin_token", "--name", "another").split()[-1]
    with signed_in(planted) as browser:
        pages = list(every_page(browser))

    kinds = {re.sub(r"\d+", "N", str(page.url.path)) for page in pages}
    assert {"/admin/providers/credential/N/change/", "/admin/clients/clientkey/N/history/"} <= kinds
    assert {"/admin/auditlog/logentry/N/change/", "/admin/auth/user/N/delete/"} <= kinds
    assert len(kinds) > 30
    search(planted, pages, key, token, NEXT, PASSWORD, *STORED)
    assert found(map(text_of, pages), (code_of(planted),)) == []


def every_page(browser: httpx.Client) -> Iterator[httpx.Response]:
    index = browser.get("/admin/")
    yield index
    for link in dict.fromkeys(re.findall(r'href="(/admin/[a-z_]+/[a-z_]+/)"', index.text)):
        listed = browser.get(link)
        yield listed
        yield browser.get(f"{link}add/")
        rows = dict.fromkeys(re.findall(rf'href="({link}[^"/?]+/)change/', listed.text))
        most = 50 if "logentry" in link else MOST_ROWS
        for row in list(rows)[:most]:
            for page in ("change", "history", "delete"):
                yield browser.get(f"{row}{page}/")
    yield browser.get("/admin/password_change/")
