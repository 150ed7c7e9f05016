"""THE attempt loop: one for chat, streams, embeddings and audio.

For each candidate, and each upstream call that its answer takes: reserve -> build -> open -> receive -> success, or an UpstreamError,
settled, and `policy.decide` says what next.
"""

import asyncio
import random
from collections.abc import Iterable
from typing import Generic, TypeVar

from msgspec import Struct

from apps.analytics import metrics
from apps.core import clock, ids
from apps.core.state.contract import Claim, Grant, Refusal
from apps.gateway.attempts import policy, turned_away, unoffered, unserved, waiting
from apps.gateway.attempts.allowance import refused, with_own_tokens
from apps.gateway.attempts.answers import refusal_of, take_over_limits, timeouts
from apps.gateway.attempts.calls import Call
from apps.gateway.attempts.fairness import Turn
from apps.gateway.attempts.guard import as_upstream_error, kept
from apps.gateway.attempts.operation import Operation, UpstreamCall
from apps.gateway.attempts.order import Order
from apps.gateway.attempts.settlement import Attempt, Place, reserve
from apps.gateway.attempts.trail import Trail
from apps.gateway.attempts.unserved import FailedAttempt
from apps.gateway.config import CONFIG
from apps.gateway.runtime import Runtime
from apps.gateway.wire.errors import ApiError
from apps.providers import claims
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.facts import models_able
from apps.providers.offers import CATALOGUE
from apps.providers.tasks import TASKS, Demand
from apps.providers.types import Offer
from apps.providers.upstream import UpstreamResponse, connected_ms
from apps.strategies.able import able
from apps.strategies.ranking import Excluded, Ranking, capable, held, never_fits

T = TypeVar("T")

OK_STATUSES = range(200, 300)
# An answer of several calls waits for its own quota in between, at most until a minute's window gives way.
MAX_QUOTA_WAIT_S = 65.0
MIN_QUOTA_WAIT_S = 0.05


class Served(Struct, Generic[T]):
    """An answer, the attempt that brought it, the providers attempted, in order, and how long it waited for quota."""

    answer: T
    attempt: Attempt
    chain: list[str]
    waited_ms: int = 0


async def run(runtime: Runtime, call: Call[Demand], operation: Operation[T]) -> Served[T]:
    """Try candidates until one answers. Raises ApiError."""
    trail = Trail(runtime.spool, runtime.feed)
    try:
        ranking = await candidates(runtime, call)
        runtime.decisions.note(call, ranking)
        chosen = ranking.candidates if call.demand.fallback else ranking.candidates[:1]
        loop = _Run(runtime, call, operation, trail, list(ranking.excluded))
        served = await loop.serve(item.offer for item in chosen)
        runtime.conversations.note(call.turn, served.attempt.offer.subject.candidate, call.now)
        return served
    except ApiError as error:
        if not trail.has_begun:
            turned_away.note(turned_away.asked(call), error)
        raise
    finally:
        trail.close()


async def candidates(runtime: Runtime, call: Call[Demand]) -> Ranking:
    """Filter and rank the plan's offers. Raises ApiError when none can answer such a request at all."""
    await runtime.follow_keys()
    offers = able(call.plan.pool, call.demand)
    if not offers:
        incapable = capable(call.plan.pool.offers, call.demand)[1]
        task = incapable[0].offer.task
        elsewhere = models_able(CATALOGUE.value.providers.values(), task, call.demand.needs)
        raise unserved.incapable(incapable, call.demand.prompt_tokens, elsewhere)
    ranking = await runtime.shortlists.rank(call, offers)
    answering = runtime.conversations.answering(call.turn, call.now)
    return ranking if answering is None else held(ranking, answering)


class _Run(Generic[T]):
    """The state of one request's loop."""

    def __init__(
        self,
        runtime: Runtime,
        call: Call[Demand],
        operation: Operation[T],
        trail: Trail,
        excluded: list[Excluded],
    ) -> None:
        self._trail = trail
        self._runtime = runtime
        self._call = call
        self._operation = operation
        self._waiting = excluded
        self._failed: list[FailedAttempt] = []
        self._failures: dict[str, int] = {}  # by credential
        self._chain: list[str] = []
        self._min_context = 0
        self._position = 0
        self._stopped = False
        self._share = Turn(runtime.fairness, call.principal, clock.now())

    async def serve(self, offers: Iterable[Offer]) -> Served[T]:
        previous: str | None = None
        order = Order(offers)
        for offer in order:
            if self._min_context and offer.context_window <= self._min_context:
                continue
            if self._attempts_left(offer) <= 0:
                continue
            attempted = self._position
            served = await self._try(offer)
            if self._position > attempted:
                order.defer(offer.provider)
                if previous is not None:
                    metrics.fell_back(previous, offer.provider)
                previous = offer.provider
            if served is not None:
                return served
            if self._stopped:
                break
        if not self._failed and (late := await self._ask_again()):
            return late
        if late := await self._wait():
            return late
        raise self._unserved()

    def _unserved(self) -> ApiError:
        """What the client is told when nobody answered."""
        if not self._failed and unserved.is_too_long(self._waiting):
            return unserved.incapable(self._waiting, self._call.demand.prompt_tokens)
        named = bool(self._call.demand.model) and not self._call.plan.virtual_model
        left_out = unoffered.left_out(self._call.plan.pool, paid=CONFIG.value.use_paid)
        return unserved.exhausted(
            self._failed,
            self._waiting,
            clock.now(),
            names_model=named,
            left_out=left_out,
            jitter_s=waiting.retry_jitter_s(),
        )

    async def _ask_again(self) -> Served[T] | None:
        """Reserve once more for what a glance found out of quota, what is free the soonest first: the glance may be a moment old, and only
        a reservation knows when so much as this request needs is free."""
        spent = [item for item in self._waiting if item.reason == "quota"]
        return await self._ask(spent)

    async def _wait(self) -> Served[T] | None:
        """Wait for the slots that come in time, and take the first that is still free: only where nothing but quota was in the way."""
        loop = asyncio.get_running_loop()
        began, end = loop.time(), min(self._call.started + self._call.max_wait_s, self._call.deadline)
        with self._runtime.waiting_room.place(self._call.principal.user_id) as may_wait:
            while may_wait and not self._stopped and waiting.is_short(self._failed):
                wait_s = waiting.slot_in_s(self._waiting, clock.now())
                if wait_s is None or loop.time() + wait_s > end:
                    return None
                with self._share.first(self._waiting, clock.now()):
                    await asyncio.sleep(wait_s)
                    served = await self._ask(waiting.free(self._waiting, clock.now()))
                if served is not None:
                    served.waited_ms = round((loop.time() - began) * 1000)
                    return served
        return None

    async def _ask(self, spent: list[Excluded]) -> Served[T] | None:
        """The next few of them that are not held for others."""
        if self._runtime.fairness.is_holding:
            spent = [item for item in spent if not self._yields(item)]
        for item in waiting.worth_asking(spent, fallback=self._call.demand.fallback):
            self._waiting.remove(item)
            if (served := await self._try(item.offer)) or self._stopped:
                return served
        return None

    def _yields(self, item: Excluded) -> bool:
        """Whether it is left to another request, which is noted."""
        if not self._share.must_yield(item.offer.subject.candidate):
            return False
        self._waiting[self._waiting.index(item)] = waiting.held(item.offer, clock.now())
        return True

    def _attempts_left(self, offer: Offer) -> int:
        """How often this request may still call the offer's account: what goes wrong with several of its models goes wrong with all."""
        return CONFIG.value.attempts_per_credential - self._failures.get(offer.subject.credential, 0)

    async def _try(self, offer: Offer) -> Served[T] | None:
        """One candidate. A call of several that fails fails the whole of it, unless a part of the answer is one. None: go on with the
        next, unless `_stopped`."""
        made: list[tuple[Attempt, T]] = []
        calls = self._operation.calls(offer)
        for left, upstream_call in zip(reversed(range(len(calls))), calls, strict=True):
            answered = await self._call_upstream(offer, upstream_call, begun=bool(made), completes=not left)
            if answered is None and made and self._operation.keeps_part:
                break
            if answered is None:
                return None
            made.append(answered)
        return Served(self._operation.join([answer for _, answer in made]), made[-1][0], self._chain)

    async def _call_upstream(
        self, offer: Offer, upstream_call: UpstreamCall[T], *, begun: bool, completes: bool
    ) -> tuple[Attempt, T] | None:
        """One upstream call, retried in place as the policy says. None: go on with the next, unless `_stopped`.

        `begun`: earlier calls of this candidate's answer succeeded. Then it may wait for its quota; an answer that has not begun, a
        retry of its first call included, is left to the next candidate. `completes`: it is the last of the candidate's calls.
        """
        retried = 0
        while True:
            is_new_candidate = not begun and retried == 0
            grant = await self._reserve(offer, upstream_call, may_wait=begun)
            if grant is None:
                return None
            if is_new_candidate:
                self._note_candidate(offer)
            place = Place(self._trail, self._position, upstream_call.prompt_tokens, completes)
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
        block = await attempt.fail(error)
        closed = (block.until, block.detail) if block is not None else ()
        self._failed.append(FailedAttempt(offer, kept(error), *closed))
        self._failures[account] = self._failures.get(account, 0) + 1
        limit = offer.max_retries if offer.max_retries is not None else CONFIG.value.provider_max_retries
        left = self._call.deadline - asyncio.get_running_loop().time()
        return policy.decide(
            error,
            policy.Budget(min(limit - retried, self._attempts_left(offer)), left, retried),
            context_window=offer.context_window,
            fallback=self._call.demand.fallback and not _is_final(error, offer),
            jitter=random.random(),  # noqa: S311 - spreads load, guards nothing
        )

    async def _reserve(self, offer: Offer, upstream_call: UpstreamCall[T], *, may_wait: bool) -> Grant | None:
        """Take quota for one attempt; None when it is refused, which is noted. Raises ApiError where the client key has no tokens left."""
        if self._share.must_yield(offer.subject.candidate) and not may_wait:
            self._waiting.append(waiting.held(offer, clock.now()))
            return None
        principal, prompt_tokens = self._call.principal, upstream_call.prompt_tokens
        expected = self._runtime.lengths.expected(offer.subject.candidate, principal.client_id, prompt_tokens)
        if (too_long := never_fits(offer, expected.prompt_tokens)) is not None:
            self._waiting.append(too_long)
            return None
        known = claims.known(offer, expected.prompt_tokens, self._call.demand.max_tokens)
        claim = Claim(ids.uuid7(), offer.subject, upstream_call.claim(offer, expected), known)
        claim = with_own_tokens(claim, principal, prompt_tokens)
        grant = await reserve(self._runtime, claim)
        while isinstance(grant, Refusal) and may_wait and self._is_worth_waiting(grant):
            await asyncio.sleep(max(grant.retry_at - clock.now(), MIN_QUOTA_WAIT_S))
            grant = await reserve(self._runtime, claim)
        if isinstance(grant, Refusal):
            if error := refused(principal, grant, clock.now()):
                raise error
            detail = grant.window or f"until {grant.retry_at:.0f}"
            self._waiting.append(Excluded(offer, grant.reason, detail, grant.retry_at, grant.detail))
            return None
        self._share.taken(grant.at)
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
            with self._runtime.ends.until(self._deadline()):
                request = await upstream_call.build(attempt.offer)
                attempt.sent = True
                response = await self._runtime.transport.open(request, timeouts(self._call.demand))
                del request  # which may be large, and the answer slow
                attempt.status, attempt.connect_ms = response.status, connected_ms(attempt.started)
                await take_over_limits(self._runtime, attempt.offer, response, attempt.event.at)
                if response.status not in OK_STATUSES:
                    raise await refusal_of(attempt.offer, response)
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

    def _deadline(self) -> float:
        """The attempt's end on the loop's clock, for streams that of the wait for their first content: its own limit, or the request's
        budget."""
        config = CONFIG.value
        limit_s = config.first_content_timeout_s if self._call.demand.stream else config.response_timeout_s
        return min(self._call.deadline, asyncio.get_running_loop().time() + limit_s)


def _is_final(error: UpstreamError, offer: Offer) -> bool:
    """Whether what a filter said stands: nobody laxer is asked."""
    return error.kind is ErrorKind.CONTENT_FILTERED and TASKS[offer.task].filter_is_final
