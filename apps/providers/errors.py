"""Error kinds of upstream calls and THE policy table: one truth, read by the attempt loop, the breaker, the API and the docs.

UpstreamError          one failed attempt, classified
"""

from enum import StrEnum
from typing import Literal, NamedTuple

from msgspec import Struct

from apps.core.state.contract import Health
from apps.core.state.keys import Metric, Span
from apps.core.state.periods import Period


class ErrorKind(StrEnum):
    """Why an attempt failed. Values are stored in usage events and shown in errors."""

    AUTH = "auth"
    PAYMENT_REQUIRED = "payment_required"
    UNSUPPORTED_REGION = "unsupported_region"
    SERVICE_RETIRED = "service_retired"
    NOT_IN_PLAN = "not_in_plan"
    MODEL_GONE = "model_gone"
    RATE_LIMITED = "rate_limited"
    CLIENT_ERROR = "client_error"
    REFUSED = "refused"
    CONTEXT_LENGTH = "context_length"
    SERVER_ERROR = "server_error"
    NETWORK = "network"
    PARSING = "parsing"
    EMPTY_RESPONSE = "empty_response"
    CONTENT_FILTERED = "content_filtered"
    CANCELLED = "cancelled"
    CLIENT_STALLED = "client_stalled"
    SHUTDOWN = "shutdown"


Charge = Literal["all", "request", "nothing"]


class Policy(Struct, frozen=True):
    """What to do after an attempt of one kind: try the same candidate again, try the next, count it against the breaker.

    `charges`: what it took of the quota where the upstream does not say. "request": nothing was generated, as far as anybody can tell
    from outside, so the tokens go back; "nothing": upstreams do not count it at all.
    """

    retries: bool = False
    falls_back: bool = False
    health: Health = "neutral"
    charges: Charge = "all"


POLICY: dict[ErrorKind, Policy] = {
    ErrorKind.AUTH: Policy(falls_back=True, charges="request"),
    ErrorKind.PAYMENT_REQUIRED: Policy(falls_back=True, charges="request"),
    ErrorKind.UNSUPPORTED_REGION: Policy(falls_back=True, charges="request"),
    ErrorKind.SERVICE_RETIRED: Policy(falls_back=True, charges="request"),
    ErrorKind.NOT_IN_PLAN: Policy(falls_back=True, charges="nothing"),
    ErrorKind.MODEL_GONE: Policy(falls_back=True, charges="nothing"),
    ErrorKind.RATE_LIMITED: Policy(falls_back=True, charges="request"),
    ErrorKind.CLIENT_ERROR: Policy(charges="request"),
    ErrorKind.REFUSED: Policy(falls_back=True, charges="request"),
    ErrorKind.CONTEXT_LENGTH: Policy(falls_back=True, charges="request"),
    ErrorKind.SERVER_ERROR: Policy(retries=True, falls_back=True, health="failure", charges="request"),
    ErrorKind.NETWORK: Policy(retries=True, falls_back=True, health="failure"),
    ErrorKind.PARSING: Policy(falls_back=True, health="failure"),
    ErrorKind.EMPTY_RESPONSE: Policy(retries=True, falls_back=True, health="failure"),
    ErrorKind.CONTENT_FILTERED: Policy(falls_back=True),
    ErrorKind.CANCELLED: Policy(),
    ErrorKind.CLIENT_STALLED: Policy(),
    ErrorKind.SHUTDOWN: Policy(),
}

Scope = Literal["model", "account"]


class ToldLimit(NamedTuple):
    """A limit that an upstream named: of the whole account, or of the model that was called."""

    span: Span
    limit: int
    scope: Scope


class UpstreamError(Exception):
    """One failed upstream call.

    `message` is upstream text, already scrubbed and shortened. `status` is the upstream's HTTP status, None without an answer.
    `retry_after_s`: seconds the upstream asked to wait. `window`: which quota a rate limit spoke of, None when it was no quota
    (a queue, overload); `metric`: what that counts, where it said so. `scope`: whether it concerns the model or the whole account.
    `timed_out`: no answer in time. `told`: limits that the upstream named.
    """

    def __init__(  # noqa: PLR0913 - what is known of the failure, by name
        self,
        kind: ErrorKind,
        message: str,
        *,
        status: int | None = None,
        retry_after_s: float | None = None,
        window: Period | None = None,
        scope: Scope = "model",
        timed_out: bool = False,
        param: str | None = None,
        code: str | None = None,
        told: tuple[ToldLimit, ...] = (),
        metric: Metric | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.status = status
        self.retry_after_s = retry_after_s
        self.window = window
        self.scope = scope
        self.timed_out = timed_out
        self.param = param
        self.code = code
        self.told = told
        self.metric = metric

    @property
    def falls_back(self) -> bool:
        """Whether another candidate may succeed where this one failed."""
        return POLICY[self.kind].falls_back
