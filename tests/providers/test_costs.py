"""What a call cost and what it saved, in micro-dollars: null where nobody knows a price, 0 only where it was nothing."""

import pytest

from apps.core.state.contract import Subject
from apps.providers.costs import Costs, costs
from apps.providers.types import Access, Offer, Preset, Price, Secret, Task, Usage

PRICE = Price(2_000_000, 6_000_000)
USED = Usage(10, 5)


def offer(access: Access = "free", price: Price | None = PRICE, task: Task = "chat") -> Offer:
    return Offer(
        provider="any",
        model="any",
        task=task,
        subject=Subject("c:1:any", "m:1:any:any", ()),
        preset=Preset(),
        base_url="",
        api_key=Secret(""),
        user_id=1,
        access=access,
        price=price,
    )


@pytest.mark.parametrize(
    ("access", "price", "expected"),
    [
        ("free", PRICE, Costs(0, 50)),
        ("free", None, Costs(0, None)),
        ("free", Price(0, 0), Costs(0, 0)),
        ("card", PRICE, Costs(50, 0)),
        ("prepaid", PRICE, Costs(50, 0)),
        ("prepaid", None, Costs(None, 0)),
        ("prepaid", Price(0, 0), Costs(0, 0)),
    ],
)
def test_what_is_free_saves_its_price_and_what_is_paid_costs_it(
    access: Access, price: Price | None, expected: Costs
):
    assert costs(offer(access, price), USED) == expected


def test_what_is_paid_for_is_rounded_up_and_what_is_saved_to_the_nearest():
    cheap = Price(20_000, 0)

    assert costs(offer("prepaid", cheap), USED).cost_microusd == 1
    assert costs(offer("free", cheap), USED).saved_microusd == 0


def test_cached_tokens_are_counted_by_the_price_of_the_prompt():
    assert costs(offer("prepaid"), Usage(10, 5, cached_tokens=8)) == costs(offer("prepaid"), USED)


@pytest.mark.parametrize("access", ["free", "prepaid"])
def test_a_recording_has_no_price_by_the_token(access: Access):
    heard = Usage(0, 0, estimated=True)

    unknown = costs(offer(access, PRICE, "transcription"), heard)

    assert unknown == (Costs(0, None) if access == "free" else Costs(None, 0))


@pytest.mark.parametrize("task", ["chat", "embedding", "transcription"])
@pytest.mark.parametrize("access", ["free", "prepaid"])
@pytest.mark.parametrize("price", [PRICE, None])
def test_what_used_nothing_cost_nothing_whatever_its_price(task: Task, access: Access, price: Price | None):
    assert costs(offer(access, price, task), Usage(0, 0)) == Costs(0, 0)
