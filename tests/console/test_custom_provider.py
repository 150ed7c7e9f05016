"""A provider of one's own: probed, filled in, stored."""

from collections.abc import Iterator

import pytest

from apps.providers.models import Credential, Provider, ProviderModel
from tests.console.conftest import allow, signed_in
from tests.providers.own_server import OwnServer, serving

pytestmark = pytest.mark.django_db
PAGE = "/admin/pool/custom/"
HOSTILE = '"><script>alert(1)</script>'


@pytest.fixture(scope="module")
def running() -> Iterator[OwnServer]:
    with serving() as own:
        yield own


@pytest.fixture
def server(running) -> OwnServer:
    fresh = OwnServer()
    running.models, running.can, running.refuses, running.asked = fresh.models, fresh.can, 0, []
    return running


def filled(server, **changes):
    plain = {"name": "lab", "base_url": server.url, "key": "", "tags": "local, fast"}
    return plain | {"rpm": "0", "rpd": "0", "at_once": "4"} | changes


def model(number, name, *can, **fields):
    row = {f"model-{number}": name, f"can-{number}": list(can), f"context-{number}": "65536"}
    return row | {f"{field}-{number}": value for field, value in fields.items()}


def text_of(answer):
    assert answer.status_code == 200, answer
    return " ".join(answer.content.decode().split())


def test_it_is_for_who_may_add_providers_and_models(alice, staff, root):
    assert signed_in(alice).get(PAGE).status_code == 403
    allow(staff, "add_provider")
    assert signed_in(staff).get(PAGE).status_code == 403
    assert signed_in(staff).post(PAGE, {"act": "list"}).status_code == 403
    allow(staff, "add_providermodel")
    assert signed_in(type(staff).objects.get(pk=staff.pk)).get(PAGE).status_code == 200
    assert signed_in(root).get(PAGE).status_code == 200


def test_a_probe_without_a_script_lists_and_proves_and_stores_nothing(root, server):
    server.can -= {"vision"}

    page = signed_in(root).post(PAGE, filled(server, act="probe"))

    first, second = page.context["drafts"]
    assert (first.name, first.is_used, first.context_window) == ("lab-model", True, 65_536)
    assert first.can == {"tools", "forced_tools", "json_schema"}
    assert (second.name, second.task, second.is_used) == ("bge-m3", "embedding", False)
    assert len(page.context["proofs"]) == 6 and "private address" in text_of(page)
    assert not Provider.objects.filter(name="lab").exists()


def test_each_call_is_a_part_of_its_own(root, server):
    browser = signed_in(root)

    listed = text_of(browser.post(PAGE, filled(server, act="list"), headers={"x-part": "1"}))
    proof = text_of(
        browser.post(
            PAGE, filled(server, act="test", model="lab-model", test="tools"), headers={"x-part": "1"}
        )
    )

    assert "<html" not in listed + proof
    assert 'data-model="lab-model"' in listed and 'data-proven="yes"' in proof
    assert [method for method, _, _ in server.asked] == ["GET", "POST"]


def test_a_test_that_there_is_not_is_refused_before_any_call(root, server):
    answer = signed_in(root).post(
        PAGE, filled(server, act="test", model="x", test="rm"), headers={"x-part": "1"}
    )

    assert (answer.status_code, server.asked) == (400, [])


def test_it_is_stored_with_its_models_limits_and_the_key(root, server):
    form = filled(server, act="save", key="sk-lab-0123456789", rpm="30", rpd="1000")
    form |= model(0, "lab-model", "tools", "telepathy", use="on") | model(1, "bge-m3", task="embedding")

    answer = signed_in(root).post(PAGE, form)

    assert answer.headers["location"] == "/admin/pool/lab/"
    row = Provider.objects.get(name="lab")
    assert (row.is_custom, row.requires_key, row.base_url, row.tags) == (
        True,
        True,
        server.url,
        ["local", "fast"],
    )
    assert row.default_model == "lab-model"
    assert {(each["metric"], each.get("unit"), each["limit"]) for each in row.limits} == {
        ("requests", "minute", 30),
        ("requests", "day", 1000),
        ("concurrency", None, 4),
    }
    models = ProviderModel.objects.filter(provider=row).order_by("name")
    assert [(each.name, each.enabled, each.task, each.capabilities) for each in models] == [
        ("bge-m3", False, "embedding", []),
        ("lab-model", True, "chat", ["tools"]),
    ]
    credential = Credential.objects.get(provider=row)
    assert credential.user == root and "0123456789" not in credential.encrypted_key


def test_without_a_key_it_is_used_without_one(root, server):
    signed_in(root).post(PAGE, filled(server, act="save") | model(0, "lab-model", use="on"))

    row = Provider.objects.get(name="lab")
    assert (row.requires_key, row.credentials.get().encrypted_key) == (False, "")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"base_url": "ftp://x.test"}, "base_url"),
        ({"base_url": "http://user:pass@x.test"}, "base_url"),
        ({"base_url": "http://x.test/v1?key=1"}, "base_url"),
        ({"base_url": "http://x.test/{account_id}"}, "base_url"),
        ({"base_url": "http://[::1"}, "base_url"),
        ({"base_url": "http://169.254.169.254/latest"}, "base_url"),
        ({"key": "two words"}, "key"),
        ({"name": "acme"}, "name"),
        ({"name": "add"}, "name"),
        ({"name": "a/b"}, "name"),
        ({"tags": "ok, <b>"}, "tags"),
        ({"rpm": "-1"}, "rpm"),
        ({"at_once": "many"}, "at_once"),
    ],
    ids=str,
)
def test_bad_input_names_its_field_and_stores_nothing(root, server, acme, changes, field):
    form = filled(server, act="save") | model(0, "lab-model", use="on") | changes

    page = signed_in(root).post(PAGE, form)

    assert page.status_code == 200 and field in page.context["form"].errors
    assert Provider.objects.count() == 1 and server.asked == []


def test_an_address_that_is_not_called_is_refused_in_each_act(root, server):
    for act in ("list", "test", "probe"):
        form = filled(server, act=act, model="x", test="answers", base_url="http://169.254.169.254/v1")
        assert "at which no provider is" in text_of(signed_in(root).post(PAGE, form, headers={"x-part": "1"}))


def test_no_model_is_no_provider(root, server):
    page = signed_in(root).post(PAGE, filled(server, act="save") | model(0, "lab-model"))

    assert "at least one model" in text_of(page) and not Provider.objects.exists()


def test_names_of_models_and_errors_are_text(root, server):
    server.models = [{"id": HOSTILE}]
    listed = text_of(signed_in(root).post(PAGE, filled(server, act="list"), headers={"x-part": "1"}))
    server.refuses, server.words = 400, HOSTILE
    refused = text_of(signed_in(root).post(PAGE, filled(server, act="probe")))

    assert (
        "<script>alert" not in listed + refused and "&lt;script&gt;" in listed and "&lt;script&gt;" in refused
    )


def test_a_key_is_in_no_answer(root, server):
    page = text_of(signed_in(root).post(PAGE, filled(server, act="probe", key="sk-lab-0123456789")))

    assert "sk-lab-0123456789" not in page
    assert {authorization for _, _, authorization in server.asked} == {"Bearer sk-lab-0123456789"}


def test_a_list_without_end_is_cut(root, server):
    server.models = [{"id": f"m{number}"} for number in range(500)]

    page = signed_in(root).post(PAGE, filled(server, act="list"), headers={"x-part": "1"})

    assert len(page.context["drafts"]) == 100 and "The first 100 are here" in text_of(page)
