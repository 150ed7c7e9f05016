"""`/api/strategies`."""

import threading

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from rest_framework.test import APIClient

from apps.clients import tokens
from apps.strategies.library import STRATEGIES, builtins
from apps.strategies.models import Strategy

URL = "/api/strategies"
GOOD = {"prefer": [{"when": "latency_ema_ms < 500", "weight": 30}]}


def url(name):
    return f"{URL}/{name}"


def test_list_is_a_plain_array_in_the_documented_shape(api):
    answer = api.get(URL)

    rows = {row["name"]: row for row in answer.json()}
    assert answer["X-Total-Count"] == "8"
    assert list(rows["fastest"]) == ["name", "description", "is_builtin", "definition"]
    assert rows["fastest"]["is_builtin"] is True
    assert rows["fastest"]["definition"]["prefer"][0].keys() == {"when", "weight"}


def test_list_costs_a_constant_number_of_queries(api, django_assert_num_queries):
    for number in range(5):
        Strategy.objects.create(name=f"own-{number}")

    with django_assert_num_queries(2):
        answer = api.get(URL, {"limit": "3", "offset": "8"})

    assert [row["name"] for row in answer.json()] == ["own-0", "own-1", "own-2"]


def test_one_strategy_is_read_by_name(api):
    assert api.get(url("coding")).json()["name"] == "coding"
    assert api.get(url("nothing")).status_code == 404


def test_post_makes_a_custom_strategy_that_the_request_path_knows(api, django_capture_on_commit_callbacks):
    STRATEGIES.refresh()
    try:
        with django_capture_on_commit_callbacks(execute=True):
            answer = api.post(URL, {"name": "mine", "description": "My own", "definition": GOOD})

        assert answer.status_code == 201
        assert answer.json() == {
            "name": "mine",
            "description": "My own",
            "is_builtin": False,
            "definition": GOOD,
            "warnings": [],
        }
        assert STRATEGIES.value["mine"].definition.raw == GOOD
    finally:
        STRATEGIES.unload()


@pytest.mark.parametrize("name", ["mine", "auto", "fastest", "Vision"])
def test_a_name_that_is_taken_is_409(api, name):
    Strategy.objects.create(name="mine")

    answer = api.post(URL, {"name": name, "definition": GOOD})

    assert answer.status_code == 409
    assert answer.json() == {"detail": "There is a strategy of that name."}
    assert Strategy.objects.count() == 9


def test_a_name_taken_between_check_and_insert_is_409(api, monkeypatch):
    create = Strategy.objects.create

    def overtaken(**fields):
        create(name=fields["name"])
        return create(**fields)

    monkeypatch.setattr(Strategy.objects, "create", overtaken)

    answer = api.post(URL, {"name": "mine", "definition": GOOD})

    assert answer.status_code == 409


@pytest.mark.django_db(transaction=True)
def test_of_two_that_post_the_same_name_at_once_one_wins(root):
    start = threading.Barrier(2)
    statuses = []

    def post():
        client = APIClient()
        client.force_authenticate(root)
        start.wait()
        statuses.append(client.post(URL, {"name": "mine", "definition": GOOD}).status_code)
        connection.close()

    threads = [threading.Thread(target=post) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [201, 409]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"definition": GOOD}, "name"),
        ({"name": "", "definition": GOOD}, "name"),
        ({"name": None, "definition": GOOD}, "name"),
        ({"name": 5, "definition": GOOD}, "name"),
        ({"name": "with space", "definition": GOOD}, "name"),
        ({"name": "a/b", "definition": GOOD}, "name"),
        ({"name": "ümlaut", "definition": GOOD}, "name"),
        ({"name": "x" * 61, "definition": GOOD}, "name"),
        ({"name": "fast", "definition": GOOD}, "name"),
        ({"name": "quality", "definition": GOOD}, "name"),
        ({"name": "code", "definition": GOOD}, "name"),
        ({"name": "Cheap", "definition": GOOD}, "name"),
        ({"name": "long", "definition": GOOD}, "name"),
        ({"name": "preview", "definition": GOOD}, "name"),
        ({"name": "mine"}, "definition"),
        ({"name": "mine", "definition": None}, "definition"),
        ({"name": "mine", "definition": GOOD, "description": 5}, "description"),
        ({"name": "mine", "definition": GOOD, "description": "x" * 301}, "description"),
        ({"name": "mine", "definition": GOOD, "is_builtin": True}, "is_builtin"),
        ({"name": "mine", "definition": GOOD, "shipped": {}}, "shipped"),
    ],
)
def test_post_refuses_what_is_wrong_and_names_it(api, body, field):
    answer = api.post(URL, body)

    assert answer.status_code == 400
    assert list(answer.json()["detail"]) == [field]
    assert Strategy.objects.count() == 8


def test_patch_changes_only_what_was_sent(api):
    api.post(URL, {"name": "mine", "description": "My own", "definition": GOOD})

    answer = api.patch(url("mine"), {"description": "Renamed"})

    assert answer.status_code == 200
    assert (answer.json()["description"], answer.json()["definition"]) == ("Renamed", GOOD)
    assert answer.json()["warnings"] == []


def test_patch_edits_a_builtin_and_keeps_its_shipped_form(api):
    answer = api.patch(url("fastest"), {"definition": {}})

    row = Strategy.objects.get(name="fastest")
    assert (answer.status_code, row.definition) == (200, {})
    assert row.shipped["prefer"]


@pytest.mark.parametrize("field", ["name", "is_builtin", "shipped"])
def test_patch_refuses_what_cannot_be_changed(api, field):
    answer = api.patch(url("fastest"), {field: "x"})

    assert answer.status_code == 400
    assert list(answer.json()["detail"]) == [field]


def test_patch_refuses_a_bad_definition_and_keeps_the_old(api):
    before = Strategy.objects.get(name="fastest").definition

    answer = api.patch(url("fastest"), {"definition": {"require": [{"when": "1"}]}})

    assert answer.status_code == 422
    assert Strategy.objects.get(name="fastest").definition == before


def test_a_stored_definition_that_no_longer_compiles_can_still_be_described_and_is_warned_of(api):
    Strategy.objects.create(name="old", definition={"require": [{"when": "gone > 1"}]})

    answer = api.patch(url("old"), {"description": "From an older version"})

    assert answer.status_code == 200
    assert answer.json()["warnings"][0]["clause"] == "require[0].when"


def test_delete_removes_a_custom_strategy_once(api):
    Strategy.objects.create(name="mine")

    assert api.delete(url("mine")).status_code == 204
    assert api.delete(url("mine")).status_code == 404


def test_a_builtin_is_not_deleted(api):
    answer = api.delete(url("auto"))

    assert answer.status_code == 400
    assert "built-in" in answer.json()["detail"]
    assert Strategy.objects.filter(name="auto").exists()


def test_reset_gives_a_builtin_its_shipped_definition_back(api):
    api.patch(url("coding"), {"definition": {}, "description": "Edited"})

    answer = api.post(f"{url('coding')}/reset")

    shipped = {entry["name"]: entry for entry in builtins()}["coding"]
    assert answer.status_code == 200
    assert answer.json()["definition"] == shipped["definition"]
    assert answer.json()["description"] == "Edited"


def test_reset_is_for_builtins(api):
    Strategy.objects.create(name="mine", definition=GOOD)

    assert api.post(f"{url('mine')}/reset").status_code == 400
    assert api.post(f"{url('nothing')}/reset").status_code == 404
    assert Strategy.objects.get(name="mine").definition == GOOD


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", URL),
        ("post", URL),
        ("get", url("auto")),
        ("patch", url("auto")),
        ("delete", url("auto")),
        ("post", url("auto") + "/reset"),
        ("post", url("preview")),
        ("post", "/api/explain"),
    ],
)
def test_only_admins_come_in(db, builtins, method, path):
    client = APIClient()
    assert getattr(client, method)(path).status_code == 401

    client.force_authenticate(get_user_model().objects.create_user("ada"))
    assert getattr(client, method)(path).status_code == 403


def test_an_admin_token_comes_in(root, builtins):
    raw = tokens.issue("ci").raw

    assert APIClient().get(URL, HTTP_X_ADMIN_TOKEN=raw).status_code == 200


def test_put_is_not_offered(api):
    assert api.put(url("auto"), {}).status_code == 405


def test_a_description_holds_no_marks_of_direction(api):
    Strategy.objects.create(name="mine")

    answer = api.patch("/api/strategies/mine", {"description": "right\u202eleft"})

    assert (answer.status_code, list(answer.json()["detail"])) == (400, ["description"])
