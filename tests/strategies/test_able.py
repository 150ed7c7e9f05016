from hypothesis import given
from hypothesis import strategies as st

from apps.providers.pool import Pool
from apps.strategies import able as module
from apps.strategies.able import able
from apps.strategies.ranking import capable
from tests.factories import make_request
from tests.strategies.candidates import offer as make_offer

CAPABILITIES = ("tools", "vision", "audio")
some = st.frozensets(st.sampled_from(CAPABILITIES))
bounds = st.integers(0, 12)
offers = st.lists(
    st.builds(
        lambda number, able, context, window: make_offer(
            f"p{number}", capabilities=able, context_window=context, token_window=window
        ),
        st.integers(0, 9),
        some,
        bounds,
        bounds,
    ),
    max_size=6,
)


@given(made=offers, requests=st.lists(st.tuples(some, st.integers(0, 13)), max_size=12))
def test_it_is_what_looking_at_each_offer_tells(made, requests):
    pool = Pool(made)

    for needs, prompt_tokens in requests:
        request = make_request(needs=needs, prompt_tokens=prompt_tokens)
        assert list(able(pool, request)) == capable(made, request)[0]


def test_a_second_request_of_a_kind_looks_at_no_offer(monkeypatch):
    pool = Pool([make_offer("a", context_window=1000), make_offer("b", context_window=2000)])
    first = able(pool, make_request(prompt_tokens=1100))
    monkeypatch.setattr(module, "capable", None)

    assert able(pool, make_request(prompt_tokens=1999)) is first


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(module, "MOST_KINDS", 4)
    pool = Pool([make_offer(f"p{number}", context_window=1000 * (number + 1)) for number in range(20)])

    for number in range(20):
        able(pool, make_request(prompt_tokens=1000 * number + 1))

    assert len(module._KNOWN[pool].able) <= 4
