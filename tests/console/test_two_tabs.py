"""Two people, or two tabs, that edit the same row: who saves second is told, and nothing is written over unseen."""

import pytest

from apps.clients.models import ClientKey
from apps.core.as_of import FIELD
from apps.gateway.models import AppConfig
from apps.strategies.library import install_builtins
from apps.strategies.models import Strategy
from tests.console.conftest import signed_in

SAID = "Somebody has saved this since you opened it"


def opened(browser, url):
    """What a browser would send of the form as it is."""
    form = browser.get(url).context["adminform"].form
    values = {name: form[name].value() for name in form.fields}
    return {name: value for name, value in values.items() if value is not None and value is not False} | {
        FIELD: form.as_of()
    }


@pytest.fixture
def key_page(alice, rows):
    row = rows["clients.clientkey"]
    return signed_in(alice), f"/admin/clients/clientkey/{row.pk}/change/", row.pk


def test_the_second_tab_does_not_put_back_what_the_first_changed(key_page):
    browser, url, pk = key_page
    first, second = opened(browser, url), opened(browser, url)

    assert browser.post(url, first | {"rpm_limit": 11}).status_code == 302
    answer = browser.post(url, second | {"name": "renamed"})

    assert answer.status_code == 200
    assert f"{SAID}: Requests a minute is now 11." in answer.content.decode()
    assert 'value="renamed"' in answer.content.decode()  # what was typed is still there
    row = ClientKey.objects.get(pk=pk)
    assert (row.rpm_limit, row.name == "renamed") == (11, False)


def test_who_has_been_told_may_save_it_all_the_same(key_page):
    browser, url, pk = key_page
    first, second = opened(browser, url), opened(browser, url)
    browser.post(url, first | {"rpm_limit": 11})
    told = browser.post(url, second | {"name": "renamed"}).context["adminform"].form

    answer = browser.post(url, second | {"name": "renamed", FIELD: told.as_of()})

    assert answer.status_code == 302
    row = ClientKey.objects.get(pk=pk)
    assert (row.rpm_limit, row.name) == (second["rpm_limit"], "renamed")


def test_what_moves_by_itself_is_no_change(key_page):
    browser, url, pk = key_page
    form = opened(browser, url)
    ClientKey.objects.filter(pk=pk).update(last_used_at="2026-11-27T12:00:00Z")

    assert browser.post(url, form | {"name": "renamed"}).status_code == 302


@pytest.mark.parametrize(
    "sent",
    ["", "no JSON", "[1]", '{"name": 5}', "{" * 30_000],
    ids=["empty", "text", "list", "number", "long"],
)
def test_a_field_that_no_page_made_compares_nothing(key_page, sent):
    browser, url, _pk = key_page

    assert browser.post(url, opened(browser, url) | {"name": "renamed", FIELD: sent}).status_code == 302


def test_the_configuration_is_held_to_it_too(root, rows):
    install_builtins()
    browser, pk = signed_in(root), rows["gateway.appconfig"].pk
    url = f"/admin/gateway/appconfig/{pk}/change/"
    first, second = opened(browser, url), opened(browser, url)
    assert browser.post(url, first | {"max_wait_s": "3"}).status_code == 302

    answer = browser.post(url, second | {"provider_max_retries": "2"})

    assert f"{SAID}: Max wait, in seconds is now 3.0." in answer.content.decode()
    assert AppConfig.objects.get(pk=pk).max_wait_s == 3


def test_the_strategy_editor_is_held_to_it_too(root, rows):
    browser, row = signed_in(root), rows["strategies.strategy"]
    url = f"/admin/strategies/strategy/{row.pk}/change/"
    page = browser.get(url)
    form = {"name": row.name, "description": "mine", FIELD: page.context["as_of"]}
    Strategy.objects.filter(pk=row.pk).update(description="theirs")

    looked = browser.post(url, form | {"act": "add:prefer"})
    answer = browser.post(url, form | {"act": "save", FIELD: looked.context["as_of"]})
    again = browser.post(url, form | {"act": "save", FIELD: answer.context["as_of"]})

    assert f"{SAID}: Description is now theirs." in answer.content.decode()
    assert again.status_code == 302
    assert Strategy.objects.get(pk=row.pk).description == "mine"
