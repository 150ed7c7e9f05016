"""Strategies in the admin site."""

import pytest

from apps.strategies.models import Strategy

URL = "/admin/strategies/strategy/"


@pytest.fixture
def site(client, root, builtins):
    client.force_login(root)
    return client


def form(name="mine", require=()):
    return {"act": "save", "name": name, "description": "", "require_when": list(require)}


def run_action(site, action, *names):
    chosen = list(Strategy.objects.filter(name__in=names).values_list("pk", flat=True))
    return site.post(URL, {"action": action, "_selected_action": chosen}, follow=True)


def said(page):
    return [str(message) for message in page.context["messages"]]


def test_reset_action_restores_builtins_and_leaves_custom_ones(site):
    Strategy.objects.filter(name="fastest").update(definition={})
    Strategy.objects.create(name="mine", definition={"require": [{"when": "free"}]})

    page = run_action(site, "reset_to_shipped", "fastest", "mine")

    fastest = Strategy.objects.get(name="fastest")
    assert fastest.definition == fastest.shipped != {}
    assert Strategy.objects.get(name="mine").definition == {"require": [{"when": "free"}]}
    assert said(page) == [
        "Reset 1 built-in strategies.",
        "1 custom strategies have no shipped definition.",
    ]


def test_list_shows_which_builtins_were_edited(site):
    Strategy.objects.filter(name="fastest").update(definition={})

    page = site.get(URL)

    edited = {row.name for row in page.context["cl"].result_list if row.definition != row.shipped}
    assert edited == {"fastest"}
    assert page.content.count(b"yes</span>") == 8 + 1  # eight built-in, one of them edited


def test_builtins_are_not_deleted_by_the_bulk_action(site):
    page = run_action(site, "delete_selected", "fastest")

    assert page.context["protected"] == ["fastest"]
    assert Strategy.objects.filter(name="fastest").exists()


@pytest.mark.parametrize("name", ["fast", "auto", "preview"])
def test_reserved_names_are_refused(site, name):
    page = site.post(f"{URL}add/", form(name))

    assert "name" in page.context["form"].errors


def test_a_bad_definition_is_refused_with_clause_and_column(site):
    page = site.post(f"{URL}add/", form(require=["free and tools"]))

    (clause,) = page.context["draft"].require
    assert (clause.problem.column, clause.problem.message) == (6, "found and; write &&")
    assert not Strategy.objects.filter(name="mine").exists()


def test_an_unknown_tag_is_warned_of_when_saved(site, catalogue):
    page = site.post(f"{URL}add/", form(require=["!('x' in tags)"]), follow=True)

    assert Strategy.objects.filter(name="mine").exists()
    assert any("tag 'x'" in message for message in said(page))
