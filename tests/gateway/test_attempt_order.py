"""What is tried after a failure."""

from apps.gateway.attempts.order import Order
from tests.factories import make_offer

RANKED = [
    make_offer(provider=provider, model=model)
    for provider, model in (("a", "1"), ("a", "2"), ("b", "1"), ("a", "3"), ("b", "2"))
]


def tried(failing: set[str]) -> list[str]:
    order, seen = Order(RANKED), []
    for offer in order:
        seen.append(f"{offer.provider}{offer.model}")
        if offer.provider in failing:
            order.defer(offer.provider)
    return seen


def test_all_are_tried_as_they_are_ranked_while_nothing_fails():
    assert tried(set()) == ["a1", "a2", "b1", "a3", "b2"]


def test_of_a_provider_that_failed_the_rest_comes_behind_the_others():
    assert tried({"a"}) == ["a1", "b1", "b2", "a2", "a3"]


def test_where_all_fail_they_take_turns():
    assert tried({"a", "b"}) == ["a1", "b1", "a2", "b2", "a3"]
