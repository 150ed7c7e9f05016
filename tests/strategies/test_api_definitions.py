"""`/api/strategies`: definitions that are refused, and those that are warned of."""

import pytest

from apps.strategies.models import Strategy

URL = "/api/strategies"


@pytest.mark.parametrize(
    ("definition", "clause", "position"),
    [
        ([], "definition", 0),
        ("free", "definition", 0),
        ({"prefr": []}, "definition", 0),
        ({"prefer": {}}, "prefer", 0),
        ({"prefer": [{"when": "free"}]}, "prefer[0].weight", 0),
        ({"prefer": [{"when": "free", "weight": "3"}]}, "prefer[0].weight", 0),
        ({"require": [{"when": "free"}, {"when": "tools &&"}]}, "require[1].when", 8),
        ({"prefer": [{"when": "latncy_ema_ms < 500", "weight": 1}]}, "prefer[0].when", 0),
    ],
)
def test_a_refused_definition_is_422_with_clause_and_position(api, definition, clause, position):
    answer = api.post(URL, {"name": "mine", "definition": definition})

    assert answer.status_code == 422
    detail = answer.json()["detail"]
    assert list(detail) == ["clause", "position", "message", "allowed"]
    assert (detail["clause"], detail["position"]) == (clause, position)
    assert isinstance(detail["allowed"], list)
    assert not Strategy.objects.filter(name="mine").exists()


def test_half_a_character_in_a_condition_is_422(api):
    body = r"""{"name": "mine", "definition": {"require": [{"when": "name == '\ud800'"}]}}"""

    answer = api.post(URL, body, content_type="application/json")

    assert answer.status_code == 422
    assert answer.json()["detail"]["position"] == 9


def test_a_requirement_that_no_provider_can_meet_is_422(api, catalogue):
    answer = api.post(
        URL, {"name": "mine", "definition": {"require": [{"when": "free"}, {"when": "vision"}]}}
    )

    assert answer.status_code == 422
    assert answer.json()["detail"]["clause"] == "require[1].when"
    assert "no known provider" in answer.json()["detail"]["message"]


def test_a_weight_that_only_a_user_sets_may_be_required(api, catalogue):
    answer = api.post(URL, {"name": "mine", "definition": {"require": [{"when": "weight > 5"}]}})

    assert answer.status_code == 201


def test_an_unknown_tag_is_a_warning(api, catalogue):
    answer = api.post(
        URL, {"name": "mine", "definition": {"prefer": [{"when": "'fsat' in tags", "weight": 1}]}}
    )

    assert answer.status_code == 201
    (warning,) = answer.json()["warnings"]
    assert (warning["clause"], warning["position"]) == ("prefer[0].when", 0)
    assert warning["allowed"] == ["fast", "large"]
