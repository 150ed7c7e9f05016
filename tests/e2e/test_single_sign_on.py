"""Single sign-on against a real OpenID Connect provider on loopback."""

import re
from collections.abc import Iterator

import httpx
import pytest

from tests.e2e import plain, server
from tests.e2e.identity_provider import CLIENT, SECRET, IdentityProvider
from tests.e2e.server import Server

FAILED = "Single sign-on did not work"


@pytest.fixture(scope="module")
def idp() -> Iterator[IdentityProvider]:
    provider = IdentityProvider()
    yield provider
    provider.stop()


@pytest.fixture(autouse=True)
def nothing_wrong(idp: IdentityProvider) -> None:
    idp.info, idp.fault = None, ""


@pytest.fixture(scope="module")
def gateway(idp: IdentityProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = server.start(
        tmp_path_factory.mktemp("sso"),
        "--no-tasks",
        FREEAI_OIDC_ISSUER=idp.issuer,
        FREEAI_OIDC_CLIENT_ID=CLIENT,
        FREEAI_OIDC_CLIENT_SECRET=SECRET,
        FREEAI_OIDC_NAME="Sign in with <Example>",
        FREEAI_OIDC_STAFF_GROUPS="operators, admins",
    )
    yield running
    running.stop()


@pytest.fixture
def browser(gateway: Server) -> Iterator[httpx.Client]:
    with plain.Client(base_url=gateway.url, follow_redirects=True, timeout=20) as client:
        yield client


def sign_in(
    browser: httpx.Client, idp: IdentityProvider, following: str = "", **person: object
) -> httpx.Response:
    idp.person = person
    return browser.get(f"/sso/login/?next={following}")


def me(browser: httpx.Client) -> dict:
    return browser.get("/api/auth/me").json()


def test_the_sign_in_page_has_a_link_to_it_and_no_script(browser: httpx.Client, idp: IdentityProvider):
    page = browser.get("/admin/login/?next=/admin/auth/").text

    link = re.search(r'<a class="btn full" href="([^"]+)">([^<]+)</a>', page)
    assert link is not None
    assert link[1] == "/sso/login/?next=%2Fadmin%2Fauth%2F"
    assert link[2] == "Sign in with &lt;Example&gt;"
    assert not re.search(r"<script(?! src=)| style=| on[a-z]+=", page)


def test_a_first_sign_in_makes_a_user_and_a_second_finds_them(browser: httpx.Client, idp: IdentityProvider):
    sign_in(browser, idp, sub="a1", preferred_username="ada", email="ada@example.com")
    first = me(browser)
    with plain.Client(base_url=browser.base_url, follow_redirects=True) as other:
        sign_in(other, idp, sub="a1", preferred_username="renamed")
        second = me(other)

    assert (first["username"], first["email"], first["role"]) == ("ada", "ada@example.com", "user")
    assert second == first


@pytest.mark.parametrize("groups", [["operators"], []])
def test_a_first_sign_in_that_began_nowhere_lands_on_a_page(
    browser: httpx.Client, idp: IdentityProvider, groups: list[str]
):
    page = sign_in(browser, idp, sub=f"new{len(groups)}", preferred_username="newcomer", groups=groups)

    assert (page.status_code, page.url.path) == (200, "/admin/guide/")


def test_it_lands_where_it_began_and_nowhere_else(browser: httpx.Client, idp: IdentityProvider):
    person = {"sub": "b1", "preferred_username": "bea", "groups": ["operators"]}

    assert sign_in(browser, idp, "/api/auth/status", **person).url.path == "/api/auth/status"
    assert sign_in(browser, idp, "//elsewhere.test/", **person).url.path == "/admin/guide/"


def test_a_name_that_is_taken_is_not_taken_over(
    browser: httpx.Client, idp: IdentityProvider, gateway: Server
):
    sign_in(browser, idp, sub="c1", preferred_username="admin", email="admin@example.com")
    mine = me(browser)

    assert mine["username"] != "admin"
    assert (mine["role"], mine["is_staff"]) == ("user", False)


def test_two_with_one_address_are_two(browser: httpx.Client, idp: IdentityProvider):
    names = []
    for sub in ("d1", "d2"):
        browser.cookies.clear()
        sign_in(browser, idp, sub=sub, preferred_username=f"dora{sub}", email="dora@example.com")
        names.append(me(browser)["username"])

    assert names == ["dorad1", "dorad2"]


def test_groups_make_staff_and_members_at_every_sign_in(
    browser: httpx.Client, idp: IdentityProvider, gateway: Server
):
    make_group(gateway, "readers")
    person = {"sub": "e1", "preferred_username": "eve"}

    sign_in(browser, idp, **person, groups=["readers", "operators", "unknown", 5])
    staff = me(browser)
    sign_in(browser, idp, **person, groups="readers")
    reader = me(browser)
    sign_in(browser, idp, **person)
    unsaid = me(browser)

    assert (staff["is_staff"], staff["groups"], staff["role"]) == (True, ["readers"], "user")
    assert (reader["is_staff"], reader["groups"]) == (False, ["readers"])
    assert (unsaid["is_staff"], unsaid["groups"]) == (False, ["readers"])


def make_group(gateway: Server, name: str) -> None:
    """As an operator makes one: in the admin site."""
    password = re.search(r"password\s+(\S+)", gateway.console)
    assert password
    with plain.Client(base_url=gateway.url, follow_redirects=True) as admin:
        signed_in = post_form(admin, "/admin/login/", username="admin", password=password[1], next="/admin/")
        assert signed_in.url.path == "/admin/guide/"
        assert "added successfully" in post_form(admin, "/admin/auth/group/add/", name=name).text


def post_form(admin: httpx.Client, path: str, **fields: str) -> httpx.Response:
    token = re.search(r'csrfmiddlewaretoken" value="([^"]+)', admin.get(path).text)
    assert token
    return admin.post(path, data=fields | {"csrfmiddlewaretoken": token[1]})


@pytest.mark.parametrize(
    "fault", ["denied", "down", "no endpoints", "no token", "issuer", "audience", "expired", "list"]
)
def test_what_goes_wrong_leads_back_to_the_sign_in_page(
    browser: httpx.Client, idp: IdentityProvider, fault: str
):
    idp.fault = fault

    page = sign_in(browser, idp, sub="f1", preferred_username="fay")

    assert (page.status_code, page.url.path) == (200, "/admin/login/")
    assert FAILED in page.text
    assert browser.get("/api/auth/me").status_code == 401


@pytest.mark.parametrize(
    ("person", "info"), [({"sub": "g1"}, {"sub": "g2"}), ({"sub": "g1"}, {}), ({}, {}), ({"sub": ""}, None)]
)
def test_answers_about_different_people_or_nobody_sign_nobody_in(
    browser: httpx.Client, idp: IdentityProvider, person: dict, info: dict | None
):
    idp.info = info

    page = sign_in(browser, idp, **person)

    assert FAILED in page.text
    assert browser.get("/api/auth/me").status_code == 401


@pytest.mark.parametrize("query", ["", "?code=x&state=x", "?error=x", "?code=x"])
def test_a_callback_that_nobody_began_signs_nobody_in(browser: httpx.Client, query: str):
    page = browser.get(f"/sso/oidc/callback/{query}")

    assert FAILED in page.text


def test_other_providers_and_pages_of_allauth_are_not_there(browser: httpx.Client):
    for path in ("/sso/google/callback/", "/sso/oidc/login/", "/accounts/login/", "/sso/"):
        assert browser.get(path).status_code == 404, path


def test_of_the_query_only_next_counts(browser: httpx.Client, idp: IdentityProvider):
    answer = browser.get(
        "/sso/login/?process=connect&scope=everything&auth_params=prompt%3Dnone", follow_redirects=False
    )

    assert "everything" not in answer.headers["location"] and "prompt" not in answer.headers["location"]


def test_an_inactive_user_stays_out(browser: httpx.Client, idp: IdentityProvider, gateway: Server):
    sign_in(browser, idp, sub="h1", preferred_username="hal")
    number = me(browser)["id"]
    assert gateway.api("PATCH", f"users/{number}", json={"is_active": False}).status_code == 200
    browser.cookies.clear()

    page = sign_in(browser, idp, sub="h1", preferred_username="hal")

    assert "inactive" in page.text
    assert browser.get("/api/auth/me").status_code == 401


def test_without_an_issuer_there_is_no_trace_of_it(serving: Server):
    assert "/sso/" not in plain.get(f"{serving.url}/admin/login/").text
    assert plain.get(f"{serving.url}/sso/login/").status_code == 404
