"""What is around the pages: the user's profile, and search."""

import pytest

from apps.accounts.models import Profile
from apps.clients import keys
from apps.console.frame import THEMES, next_theme
from apps.strategies.models import Strategy
from tests.console.conftest import PASSWORD, signed_in, usage_event

SEARCH = "/admin/search/"


def test_the_theme_is_switched_and_kept(alice):
    browser = signed_in(alice)

    answer = browser.post("/admin/profile/theme/", {"theme": "dark", "next": "/admin/profile/"})

    assert answer.headers["location"] == "/admin/profile/"
    assert Profile.objects.get().theme == "dark"
    assert '<html lang="en" class="dark"' in browser.get("/admin/profile/").content.decode()


@pytest.mark.parametrize("back", ["https://elsewhere.test/", "//elsewhere.test", "javascript:alert(1)", ""])
def test_the_switch_leads_nowhere_else(alice, back):
    answer = signed_in(alice).post("/admin/profile/theme/", {"theme": "nonsense", "next": back})

    assert answer.headers["location"] == "/admin/"
    assert not Profile.objects.exists()


def test_the_switch_goes_round():
    assert [next_theme(Profile(theme=theme)) for theme in THEMES] == [*THEMES[1:], THEMES[0]]


def test_the_profile_is_the_users_own(alice, bob):
    signed_in(alice).post("/admin/profile/", {"theme": "light", "time_zone": "Europe/Berlin"})

    profile = Profile.objects.get()
    assert (profile.user, profile.theme, profile.time_zone, profile.single_keys) == (
        alice,
        "light",
        "Europe/Berlin",
        False,
    )
    page = signed_in(alice).get("/admin/profile/").content.decode()
    assert 'data-zone="Europe/Berlin" data-no-single-keys' in page
    assert 'data-zone=""' in signed_in(bob).get("/admin/profile/").content.decode()


def test_what_is_no_time_zone_is_refused(alice):
    page = signed_in(alice).post("/admin/profile/", {"theme": "light", "time_zone": "Mars/Olympus"})

    assert page.context["form"].errors["time_zone"] and not Profile.objects.exists()


def hits(user, words: str) -> list[tuple[str, str]]:
    kinds = signed_in(user).get(SEARCH, {"q": words}).context["kinds"]
    return [(kind.name, hit.title) for kind in kinds for hit in kind.hits]


def test_search_finds_pages_providers_models_keys_strategies_and_requests(root, acme, rows):
    keys.issue(root, "acme-app")
    Strategy.objects.create(name="acme-first")
    usage_event(root, request_id="acme-request")

    found = hits(root, "acme")

    assert {
        ("Providers", "Acme"),
        ("Models", "acme-large"),
        ("Client keys", "acme-app"),
        ("Strategies", "acme-first"),
    } <= set(found)
    assert ("Requests", "acme-request") in hits(root, "acme-request")
    assert ("Pages", "Client keys") in hits(root, "client k")


def test_search_finds_nothing_of_others(alice, bob, rows):
    usage_event(alice, request_id="of-alice")

    assert hits(bob, "app") == []
    assert hits(bob, "of-alice") == []
    assert hits(bob, "mine") == []
    assert ("Client keys", "app") in hits(alice, "app")


@pytest.mark.parametrize("words", ["%", "_", "\x00", "x" * 5000, "'; --"])
def test_odd_words_find_nothing(root, acme, words):
    assert signed_in(root).get(SEARCH, {"q": words}).status_code == 200
    assert ("Providers", "Acme") not in hits(root, words if words != "\x00" else "zzz")


def test_the_part_for_the_dialog_is_the_hits_alone(alice):
    part = signed_in(alice).get(SEARCH, {"q": "client", "part": "1"}).content.decode()

    assert "Client keys" in part and "<html" not in part


def change_password(browser, old: str, new: str = "another horse 48"):
    return browser.post(
        "/admin/password_change/", {"old_password": old, "new_password1": new, "new_password2": new}
    )


def test_a_password_is_changed_by_who_knows_it(alice):
    browser, elsewhere = signed_in(alice), signed_in(alice)

    refused = change_password(browser, "wrong")
    done = change_password(browser, PASSWORD)

    assert "not the current password" in refused.content.decode()
    assert done.headers["location"] == "/admin/password_change/done/"
    assert browser.get("/admin/profile/").status_code == 200
    assert elsewhere.get("/admin/profile/").status_code == 302


def test_guesses_at_the_current_password_are_throttled(alice):
    browser = signed_in(alice)

    answers = [change_password(browser, f"guess {number}").content.decode() for number in range(12)]

    assert "Too many" in answers[-1]
    assert "Too many" in change_password(browser, PASSWORD).content.decode()
