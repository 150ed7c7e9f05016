"""What of a candidate stays the same between requests, worked out once: ranking 100 candidates costs half as much for it.

A definition is taken apart into clauses that read the catalogue only, which are decided here once per offer, and those that read
counters, measurements or the request, which are decided anew each time. Pure.

Lens      one definition, taken apart; lives with the strategy that it belongs to
View      one pool of offers through one lens: their profiles; gone with either
"""

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol
from weakref import WeakKeyDictionary

from msgspec import Struct
from msgspec.structs import replace

from apps.core.state.contract import Standing, Window
from apps.core.state.keys import Metric, Span, window_key
from apps.core.state.periods import DAY_S, ONCE, seconds
from apps.providers.claims import DEFAULT_COMPLETION_TOKENS
from apps.providers.pool import Pool
from apps.providers.quotas import ALWAYS_COUNTED
from apps.providers.types import Offer, Price
from apps.strategies.definition import Definition, Preference, Requirement
from apps.strategies.expression import CandidateFacts, Compiled, RequestFacts, Source
from apps.strategies.expression.questions import Answer, Posed, posed

NEVER_SHORT: Final = float("inf")
SIZED: Final[frozenset[Metric]] = frozenset({"requests", "tokens", "input_tokens"})
"""The metrics of which it is known how much a request like this one takes."""

_OTHER, _RPM, _RPD, _TPD = range(4)
_SHARES: Final[dict[Span, int]] = {
    Span("requests", "minute"): _RPM,
    Span("requests", "day"): _RPD,
    Span("tokens", "day"): _TPD,
}

Matched = tuple[str, float]
"""The path of a `prefer` clause without its `.when`, and its weight."""


class Model(Protocol):
    """What an offer and the catalogue's own picture of a model have in common."""

    @property
    def capabilities(self) -> frozenset[str]: ...
    @property
    def context_window(self) -> int: ...
    @property
    def max_output_tokens(self) -> int | None: ...
    @property
    def price(self) -> Price | None: ...


class Gauge(NamedTuple):
    """One limited window: its place in `Standing.used`, which share it bounds, and what it admits in a day (0.0: not scarce)."""

    place: int
    limit: int
    share: int
    a_day: float
    of_tokens: bool


class Left(Struct, frozen=True, gc=False):
    """What is left of a candidate's windows: shares 0..1, and how many requests like this one the day still admits."""

    rpm: float
    rpd: float
    tpd: float
    headroom: float
    requests: float


class Profile(Struct, frozen=True):
    """An offer as one definition sees it. `facts` lack what is measured or counted; `unmet` and `matched` come from static clauses.

    `counters` are the places in `Standing.used` of the account's windows in ALWAYS_COUNTED; None where there is none.
    """

    offer: Offer
    facts: CandidateFacts
    unmet: Requirement | None
    matched: tuple[Matched, ...]
    gauges: tuple[Gauge, ...]
    counters: tuple[int | None, ...]

    def left(self, used: Sequence[int], size: int) -> Left:
        """`used` as in Standing; `size`: tokens that a request like this one takes."""
        shares = [1.0, 1.0, 1.0, 1.0]
        requests = NEVER_SHORT
        for place, limit, which, a_day, of_tokens in self.gauges:
            count = used[place]
            share = 1.0 - count / limit if count < limit else 0.0
            if share < shares[which]:
                shares[which] = share
            if a_day:
                admitted = share * a_day / size if of_tokens else share * a_day
                if admitted < requests:
                    requests = admitted
        _, rpm, rpd, tpd = shares
        return Left(rpm, rpd, tpd, min(shares), requests)

    def live_facts(self, standing: Standing, left: Left) -> CandidateFacts:
        """`facts` with everything that changes."""
        used = standing.used
        this_minute, today, tokens = self.counters
        return replace(
            self.facts,
            latency_ema_ms=standing.latency_ema_ms,
            last_latency_ms=standing.last_latency_ms,
            ttfb_ema_ms=standing.ttfb_ema_ms,
            requests_today=0 if today is None else used[today],
            requests_this_minute=0 if this_minute is None else used[this_minute],
            tokens_today=0 if tokens is None else used[tokens],
            rpm_remaining=left.rpm,
            rpd_remaining=left.rpd,
            tpd_remaining=left.tpd,
            success_rate=standing.success_rate,
            in_flight=standing.in_flight,
        )


class Lens:
    """One definition, compiled for ranking."""

    def __init__(self, definition: Definition) -> None:
        self._views: WeakKeyDictionary[Pool, View] = WeakKeyDictionary()
        self._static_require = [clause for clause in definition.require if _is_static(clause.condition)]
        self._static_prefer = [clause for clause in definition.prefer if _is_static(clause.condition)]
        self._live_require = [clause for clause in definition.require if not _is_static(clause.condition)]
        self._live_prefer = [
            (clause.condition.evaluate, _as_matched(clause))
            for clause in definition.prefer
            if not _is_static(clause.condition)
        ]
        self._reads_live = bool(self._live_require or self._live_prefer)
        conditions = [clause.condition for clause in definition.require]
        conditions += [clause.condition for clause in definition.prefer]
        read = {field.source for condition in conditions for field in condition.fields}
        self.is_settled = read <= {Source.CATALOGUE, Source.REQUEST}
        """Whether its verdicts stay what they are while the catalogue and the request do."""
        self.questions = [question for condition in conditions for question in condition.questions]

    def view(self, pool: Pool) -> "View":
        """The pool through this lens; the same object for the same pool."""
        view = self._views.get(pool)
        if view is None:
            view = self._views[pool] = View(self, pool.offers)
        return view

    def judge(
        self, profile: Profile, standing: Standing, left: Left, request: RequestFacts
    ) -> tuple[Requirement | None, tuple[Matched, ...]]:
        """A requirement that is not met, or None and the preferences that match."""
        if profile.unmet is not None or not self._reads_live:
            return profile.unmet, profile.matched
        facts = profile.live_facts(standing, left)
        for clause in self._live_require:
            if not clause.keeps(facts, request):
                return clause, ()
        matched = [clause for evaluate, clause in self._live_prefer if evaluate(facts, request)]
        return None, (*profile.matched, *matched)

    def profile(self, offer: Offer) -> Profile:
        """What the definition makes of the offer, once and for all."""
        facts = catalogue_facts(offer)
        nothing = RequestFacts()  # static clauses do not read it
        unmet = next((clause for clause in self._static_require if not clause.keeps(facts, nothing)), None)
        matched = tuple(
            _as_matched(clause) for clause in self._static_prefer if clause.matches(facts, nothing)
        )
        return Profile(offer, facts, unmet, matched, _gauges(offer.subject.windows), _counters(offer))


class View:
    """The offers of one pool through one lens."""

    __slots__ = ("__weakref__", "_offers", "_posed", "_profiles", "lens")

    def __init__(self, lens: Lens, offers: Sequence[Offer]) -> None:
        self.lens = lens
        self._offers = offers
        self._profiles: dict[str, Profile] = {}
        self._posed: list[Posed] | None = None

    def answers(self, request: RequestFacts) -> tuple[Answer, ...]:
        """What the definition asks of a request, answered: for two with the same, its verdicts on these offers are the same."""
        if self._posed is None:
            facts = [self.profile(offer).facts for offer in self._offers]
            self._posed = [posed(question, facts) for question in self.lens.questions]
        return tuple([question.answer(request) for question in self._posed])

    def profile(self, offer: Offer) -> Profile:
        """The profile of an offer of the pool, made when it is first asked for."""
        profile = self._profiles.get(offer.subject.candidate)
        if profile is None:
            profile = self._profiles[offer.subject.candidate] = self.lens.profile(offer)
        return profile


def catalogue_facts(offer: Offer) -> CandidateFacts:
    """What the catalogue and the operator say of a candidate; the rest is unknown."""
    return replace(model_facts(offer.provider, offer.model, offer.tags, offer), weight=offer.weight)


def model_facts(provider: str, name: str, tags: tuple[str, ...], model: Model) -> CandidateFacts:
    """What is known of a provider's model, whoever uses it: not its weight, which each user may set."""
    price = model.price
    abilities = model.capabilities
    return CandidateFacts(
        name=provider,
        model=name,
        tags=tags,
        context_window=model.context_window,
        max_output_tokens=model.max_output_tokens,
        price_input=price.prompt_microusd / 1_000_000 if price else None,
        price_output=price.completion_microusd / 1_000_000 if price else None,
        free=price is None or not (price.prompt_microusd or price.completion_microusd),
        vision="vision" in abilities,
        tools="tools" in abilities,
        json_schema="json_schema" in abilities,
        reasoning="reasoning" in abilities,
    )


def candidate_facts(offer: Offer, standing: Standing) -> CandidateFacts:
    """Everything that the expressions of a strategy may read of a candidate."""
    profile = NO_RULES.profile(offer)
    return profile.live_facts(standing, profile.left(standing.used, DEFAULT_COMPLETION_TOKENS))


def _is_static(condition: Compiled) -> bool:
    """Whether only an edit of the catalogue can change the verdict."""
    return all(field.source is Source.CATALOGUE for field in condition.fields)


def _as_matched(clause: Preference) -> Matched:
    return clause.path.removesuffix(".when"), clause.weight


def _gauges(windows: Sequence[Window]) -> tuple[Gauge, ...]:
    return tuple(
        Gauge(
            place,
            window.limit,
            _SHARES.get(window.span, _OTHER),
            _a_day(window),
            window.metric in ("tokens", "input_tokens"),
        )
        for place, window in enumerate(windows)
        if window.limit
    )


def _a_day(window: Window) -> float:
    """Windows of a day and longer make a quota scarce; shorter ones fill up again while the day lasts. What is given once has to last for
    a month, as far as anybody knows."""
    if window.metric not in SIZED:
        return 0.0
    length_s = seconds("month" if window.period == ONCE else window.period)
    return window.limit * DAY_S / length_s if length_s >= DAY_S else 0.0


def _counters(offer: Offer) -> tuple[int | None, ...]:
    """Windows of the whole account are those whose key carries no model."""
    keys = [window.key for window in offer.subject.windows]
    wanted = [window_key(offer.subject.credential, span) for span in ALWAYS_COUNTED]
    return tuple(keys.index(key) if key in keys else None for key in wanted)


NO_RULES: Final = Lens(Definition({}, (), ()))
