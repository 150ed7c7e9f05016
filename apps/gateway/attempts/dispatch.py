"""THE attempt loop: one for chat, streams, embeddings and audio.

For each candidate, and each upstream call that its answer takes: reserve -> build -> open -> receive -> success, or an UpstreamError,
settled, and `policy.decide` says what next.
"""

import asyncio
import random
from typing import Generic, TypeVar

from msgspec import Struct

from apps.analytics import metrics
from apps.core import clock, ids
from apps.core.state.contract import Claim, Grant, Refusal
from apps.gateway.attempts import policy, unserved
from apps.gateway.attempts.calls import Call
from apps.gateway.attempts.guard import as_upstream_error
from apps.gateway.attempts.operation import Operation, UpstreamCall
from apps.gateway.attempts.settlement import Attempt, Place, reserve
from apps.gateway.attempts.unserved import FailedAttempt
from apps.gateway.config import CONFIG
from apps.gateway.runtime import Runtime
from apps.providers.adapters import wire_for
from apps.providers.errors import UpstreamError
from apps.providers.facts import models_able
from apps.providers.limit_headers import reported
from apps.providers.offers import CATALOGUE
from apps.providers.tasks import Demand
from apps.providers.types import Offer
from apps.providers.upstream import Timeouts, UpstreamResponse
from apps.strategies.ranking import Excluded, Ranking, capable

T = TypeVar("T")

OK_STATUSES = range(200, 300)
MAX_ERROR_BYTES = 64 * 1024
# An answer of several calls waits for its own quota in between, at most until a minute's window gives way.
MAX_QUOTA_WAIT_S = 65.0
MIN_QUOTA_WAIT_S = 0.05
MAX_ASKED_AGAIN = 8


class Served(Struct, Generic[T]):
    """An answer, the attempt that brought it, and the providers attempted, in order."""

    answer: T
    attempt: Attempt
    chain: list[str]


async def run(runtime: Runtime, call: Call[Demand], operation: Operation[T]) -> Served[T]:
    """Try candidates until one answers. Raises ApiError."""
    ranking = await candidates(runtime, call)
    chosen = ranking.candidates if call.demand.fallback else ranking.candidates[:1]
    return await _Run(runtime, call, operation, list(ranking.excluded)).serve([item.offer for item in chosen])


async def candidates(runtime: Runtime, call: Call[Demand]) -> Ranking:
    """Filter and rank the plan's offers. Raises ApiError when none can answer such a request at all."""
    await runtime.follow_keys()
    able, incapable = capable(call.plan.pool.offers, call.demand)
    if not able:
        task = incapable[0].offer.task
        elsewhere = models_able(CATALOGUE.value.providers.values(), task, call.demand.needs)
        raise unserved.incapable(incapable, call.demand.prompt_tokens, elsewhere)
    return await runtime.shortlists.rank(call, able)


class _Run(Generic[T]):
    """The state of one request's loop."""

    def __init__(
        self, runtime: Runtime, call: Call[Demand], operation: Operation[T], waiting: list[Excluded]
    ) -> None:
        self._runtime = runtime
        self._call = call
        self._operation = operation
        self._waiting = waiting
        self._failed: list[FailedAttempt] = []
        self._failures: dict[str, int] = {}  # by credential
        self._chain: list[str] = []
        self._min_context = 0
        self._position = 0
        self._stopped = False

    async def serve(self, offers: list[Offer]) -> Served[T]:
        previous: str | None = None
        for offer in offers:
            if self._min_context and offer.context_window <= self._min_context:
                continue
            if self._attempts_left(offer) <= 0:
                continue
            attempted = self._position
            served = await self._try(offer)
            if self._position > attempted:
                if previous is not None:
                    metrics.fell_back(previous, offer.provider)
                previous = offer.provider
            if served is not None:
                return served
            if self._stopped:
                break
        if not self._failed and (late := await self._ask_again()):
            return late
        named = bool(self._call.demand.model) and not self._call.plan.virtual_model
        raise unserved.exhausted(self._failed, self._waiting, clock.now(), names_model=named)

    async def _ask_again(self) -> Served[T] | None:
        """Reserve once more for what a glance found out of quota: only a reservation knows when so much as this request needs is free."""
        most = MAX_ASKED_AGAIN if self._call.demand.fallback else 1
        spent = [item for item in self._waiting if item.reason == "quota"][:most]
        for item in spent:
            self._waiting.remove(item)
            if (served := await self._try(item.offer)) or self._stopped:
                return served
        return None

    def _attempts_left(self, offer: Offer) -> int:
        """How often this request may still call the offer's account: what goes wrong with several of its models goes wrong with all."""
        return CONFIG.value.attempts_per_credential - self._failures.get(offer.subject.credential, 0)

    async def _try(self, offer: Offer) -> Served[T] | None:
        """One candidate. A call of several that fails fails the whole of it. None: go on with the next, unless `_stopped`."""
        made: list[tuple[Attempt, T]] = []
        for upstream_call in self._operation.calls(offer):
            answered = await self._call_upstream(offer, upstream_call, begun=bool(made))
            if answered is None:
                return None
            made.append(answered)
        return Served(self._operation.join([answer for _, answer in made]), made[-1][0], self._chain)

    async def _call_upstream(
        self, offer: Offer, upstream_call: UpstreamCall[T], *, begun: bool
    ) -> tuple[Attempt, T] | None:
        """One upstream call, retried in place as the policy says. None: go on with the next, unless `_stopped`.

        `begun`: earlier calls of this candidate's answer succeeded. Then it may wait for its quota; an answer that has not begun, a
        retry of its first call included, is left to the next candidate.
        """
        retried = 0
        while True:
            is_new_candidate = not begun and retried == 0
            grant = await self._reserve(offer, upstream_call, may_wait=begun)
            if grant is None:
                return None
            if is_new_candidate:
                self._note_candidate(offer)
            place = Place(self._position, upstream_call.prompt_tokens)
            attempt = Attempt(self._runtime, self._call, offer, grant, place)
            try:
                return attempt, await self._attempt(attempt, upstream_call)
            except UpstreamError as error:
                step = await self._step_after(attempt, error, retried)
            match step:
                case policy.Retry(delay_s):
                    retried += 1
                    await asyncio.sleep(delay_s)
                case policy.Next(min_context):
                    self._min_context = max(self._min_context, min_context)
                    return None
                case policy.Stop():
                    self._stopped = True
                    return None

    async def _step_after(self, attempt: Attempt, error: UpstreamError, retried: int) -> policy.Step:
        """Settle and note a failed attempt, and decide what comes next."""
        offer, account = attempt.offer, attempt.offer.subject.credential
        retry_at = await attempt.fail(error)
        self._failed.append(FailedAttempt(offer, error, retry_at))
        self._failures[account] = self._failures.get(account, 0) + 1
        limit = offer.max_retries if offer.max_retries is not None else CONFIG.value.provider_max_retries
        left = self._call.deadline - asyncio.get_running_loop().time()
        return policy.decide(
            error,
            policy.Budget(min(limit - retried, self._attempts_left(offer)), left, retried),
            context_window=offer.context_window,
            fallback=self._call.demand.fallback,
            jitter=random.random(),  # noqa: S311 - spreads load, guards nothing
        )

    async def _reserve(self, offer: Offer, upstream_call: UpstreamCall[T], *, may_wait: bool) -> Grant | None:
        """Take quota for one attempt; None when it is refused, which is noted."""
        claim = Claim(ids.uuid7(), offer.subject, upstream_call.claim(offer))
        grant = await reserve(self._runtime, claim)
        while isinstance(grant, Refusal) and may_wait and self._is_worth_waiting(grant):
            await asyncio.sleep(max(grant.retry_at - clock.now(), MIN_QUOTA_WAIT_S))
            grant = await reserve(self._runtime, claim)
        if isinstance(grant, Refusal):
            detail = grant.window or f"until {grant.retry_at:.0f}"
            self._waiting.append(Excluded(offer, grant.reason, detail, grant.retry_at, grant.detail))
            return None
        return grant

    def _note_candidate(self, offer: Offer) -> None:
        """Another candidate is attempted."""
        self._position += 1
        if not self._chain or self._chain[-1] != offer.provider:
            self._chain.append(offer.provider)

    def _is_worth_waiting(self, refusal: Refusal) -> bool:
        """Whether the refused quota frees in time."""
        wait = refusal.retry_at - clock.now()
        left = self._call.deadline - asyncio.get_running_loop().time()
        return refusal.reason == "quota" and wait <= min(MAX_QUOTA_WAIT_S, left)

    async def _attempt(self, attempt: Attempt, upstream_call: UpstreamCall[T]) -> T:
        """Call the upstream. Raises UpstreamError. When the client goes away, the call is closed and the attempt cancelled."""
        response: UpstreamResponse | None = None
        kept = False
        try:
            async with asyncio.timeout_at(self._deadline()):
                request = await upstream_call.build(attempt.offer)
                attempt.sent = True
                response = await self._runtime.transport.open(request, self._timeouts())
                attempt.status = response.status
                await self._take_over_limits(attempt.offer, response)
                if response.status not in OK_STATUSES:
                    raise await self._refusal(attempt.offer, response)
                answer = await upstream_call.receive(attempt, response)
            kept = self._call.demand.stream
            return answer
        except asyncio.CancelledError:
            attempt.cancel()
            raise
        except Exception as unsorted:  # data is hostile: what nobody foresaw is logged as it is sorted
            error = as_upstream_error(unsorted, attempt.offer)
            if error.status is None:
                error.status = attempt.status
            if error is unsorted:
                raise
            raise error from unsorted
        finally:
            if response is not None and not kept:
                response.close()

    async def _take_over_limits(self, offer: Offer, response: UpstreamResponse) -> None:
        """What the upstream says is left, where that is less than we believe."""
        now = clock.now()
        if reports := reported(response.headers, offer, now):
            store = self._runtime.store
            await self._runtime.see_through(lambda: store.tighten(reports, now))

    async def _refusal(self, offer: Offer, response: UpstreamResponse) -> UpstreamError:
        body = await response.read_beginning(MAX_ERROR_BYTES)
        return wire_for(offer).parse_error(response.status, response.headers, body, offer)

    def _deadline(self) -> float:
        """The attempt's end on the loop's clock, for streams that of the wait for their first content: its own limit, or the request's
        budget."""
        config = CONFIG.value
        limit_s = config.first_content_timeout_s if self._call.demand.stream else config.response_timeout_s
        return min(self._call.deadline, asyncio.get_running_loop().time() + limit_s)

    def _timeouts(self) -> Timeouts:
        config = CONFIG.value
        read_s = config.stream_idle_timeout_s if self._call.demand.stream else config.response_timeout_s
        return Timeouts(config.connect_timeout_s, read_s)
