"""JSON in forms of the admin site: what `/api` refuses they refuse, in words, and nothing ends in an error of ours."""

import pytest

from apps.providers.models import Provider
from apps.strategies.models import Strategy
from tests.console.conftest import signed_in

HOSTILE = {
    "deep": "[" * 3000 + "]" * 3000,
    "unclosed": "[" * 3000,
    "long number": '{"requests":{"minute":' + "9" * 5000 + "}}",
    "half": '{"requests":"\\ud800"}',
    "half in a key": '{"\\udfff":1}',
    "twice": '{"requests":{},"requests":{}}',
    "constant": '{"requests":NaN}',
    "values": '{"requests":[' + "[]," * 100_001 + "[]]}",
}
ADD = {
    "/admin/strategies/strategy/add/": {"act": "save", "name": "mine"},
    "/admin/providers/provider/add/": {
        "name": "mine",
        "display_name": "Mine",
        "base_url": "http://mine.test/v1",
        "wire": "{}",
        "weight": "1",
        "tags": "[]",
        "access": "free",
        "terms": "[]",
        "key_env": "[]",
        "limits": "[]",
    },
}
FIELDS = [("/admin/providers/provider/add/", name) for name in ("wire", "tags", "terms", "key_env", "limits")]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize(("path", "field"), FIELDS, ids=[field for _, field in FIELDS])
def test_hostile_json_is_an_error_of_its_field(root, path, field, text):
    answer = signed_in(root).post(path, ADD[path] | {field: text})

    assert answer.status_code == 200
    assert field in answer.context["adminform"].form.errors
    assert not Provider.objects.filter(name="mine").exists()


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_json_of_a_strategy_is_told_beside_it(root, text):
    form = {"act": "json", "name": "mine", "require_when": "free", "json": text}
    answer = signed_in(root).post("/admin/strategies/strategy/add/", form)

    assert answer.status_code == 200 and answer.context["json_error"]
    assert [clause.when for clause in answer.context["draft"].require] == ["free"]
    assert not Strategy.objects.filter(name="mine").exists()


@pytest.mark.parametrize("path", ADD)
def test_sound_json_is_taken(root, path):
    answer = signed_in(root).post(path, ADD[path])

    assert answer.status_code == 302
