"""What documented error codes mean, and documented texts where no code exists.

Codes of different providers do not collide: Z.ai's are 1000-1312, Mistral's 1300-3505, Cloudflare's
3003-10000, SiliconFlow's 20000 on. Sources: the providers' documentation and measurements with live keys,
July-August 2026.
"""

import re

from msgspec import Struct

from apps.core.state.contract import Unit
from apps.providers.errors import ErrorKind, Scope


class Meaning(Struct, frozen=True):
    """The meaning of an error, without its text."""

    kind: ErrorKind
    window: Unit | None = None
    scope: Scope = "model"
    candidate_only: bool = False


AUTH = Meaning(ErrorKind.AUTH)
REFUSED = Meaning(ErrorKind.CLIENT_ERROR)
# This candidate's own refusal: an unknown or retired model, a parameter that it does not take, a call that it
# failed to write.
NOT_HERE = Meaning(ErrorKind.CLIENT_ERROR, candidate_only=True)
TOO_LONG = Meaning(ErrorKind.CONTEXT_LENGTH)
FILTERED = Meaning(ErrorKind.CONTENT_FILTERED)
FAILED = Meaning(ErrorKind.SERVER_ERROR)
# Their capacity, not the user's quota: with status 429 a short wait, otherwise a failure (see `classify`).
OVERLOADED = Meaning(ErrorKind.SERVER_ERROR)
BUSY = Meaning(ErrorKind.RATE_LIMITED)
# The user's own calls at the same time are too many for the key.
QUEUED = Meaning(ErrorKind.RATE_LIMITED, scope="account")
PER_SECOND = Meaning(ErrorKind.RATE_LIMITED, "second")
PER_MINUTE = Meaning(ErrorKind.RATE_LIMITED, "minute")
PER_HOUR = Meaning(ErrorKind.RATE_LIMITED, "hour")
PER_DAY = Meaning(ErrorKind.RATE_LIMITED, "day")
PER_MONTH = Meaning(ErrorKind.RATE_LIMITED, "month")
ACCOUNT_MINUTE = Meaning(ErrorKind.RATE_LIMITED, "minute", "account")
ACCOUNT_HOUR = Meaning(ErrorKind.RATE_LIMITED, "hour", "account")
ACCOUNT_DAY = Meaning(ErrorKind.RATE_LIMITED, "day", "account")
ACCOUNT_MONTH = Meaning(ErrorKind.RATE_LIMITED, "month", "account")

CODES: dict[str, Meaning] = {
    code: meaning
    for meaning, codes in (
        (
            AUTH,
            "invalid_api_key wrong_api_key unauthorized authentication_error authentication api_key_invalid",
        ),
        (AUTH, "1000 1001 1002 1003 1004 1112"),  # Z.ai
        (AUTH, "10000 7000 7003"),  # Cloudflare; an unknown account id is part of the credential
        (NOT_HERE, "model_not_found model_decommissioned model_not_available model_terms_required"),
        (
            NOT_HERE,
            "unsupported_parameter unsupported_value extra_forbidden max_tokens_exceeded not_supported_error",
        ),
        (NOT_HERE, "tool_use_failed json_validate_failed"),  # Groq: the model's own slip
        (NOT_HERE, "unknown_model unavailable_model no_access"),  # GitHub
        # SambaNova's narrower ranges: what is outside of OpenAI's was refused before.
        (NOT_HERE, "decimal_above_max_value decimal_below_min_value"),
        (NOT_HERE, "integer_above_max_value integer_below_min_value"),
        (NOT_HERE, "1500 invalid_model 3230 3280"),  # Mistral: its order of messages, its form of tool ids
        (NOT_HERE, "1211 1212 1214 1220"),  # Z.ai; 1214 names a parameter that it does not take
        (NOT_HERE, "5007 3042 5016 5018 3023 3041"),  # Cloudflare: unknown, or not for this account
        (NOT_HERE, "3003 5004 5005 5006 5019"),  # Cloudflare: its schema is stricter than OpenAI's
        (NOT_HERE, "20012"),  # SiliconFlow
        (TOO_LONG, "context_length_exceeded exceed_context_size_error token_limit_exceeded string_too_long"),
        (
            TOO_LONG,
            "tokens_limit_reached 3051 1261 3006 payload_too_large",
        ),  # GitHub, Mistral, Z.ai, Cloudflare, OpenRouter
        (FILTERED, "content_filter content_policy_violation refusal 1301"),
        (BUSY, "queue_exceeded userconcurrentrequests"),  # Cerebras, GitHub
        (QUEUED, "1302"),  # Z.ai
        (OVERLOADED, "capacity_exceeded service_tier_capacity_exceeded overloaded overloaded_error"),
        (OVERLOADED, "provider_overloaded provider_unavailable 3505 3040 1305 1312"),
        (FAILED, "3007 3008 8005"),  # Cloudflare: timed out, aborted, internal
        (PER_MINUTE, "1303 3021"),
        (ACCOUNT_DAY, "insufficient_quota payment_required 1113 30001"),  # nothing left to pay with
        (ACCOUNT_DAY, "3036 4006"),  # Cloudflare's neurons
        (PER_DAY, "1304 1308"),
        (PER_MONTH, "1310"),
    )
    for code in codes.split()
}

# Codes that say "rate limit" and leave it to the text which.
LIMIT_CODES = frozenset(
    {
        "rate_limit_exceeded",
        "rate_limit_error",
        "rate_limited",
        "ratelimitreached",
        "request_quota_exceeded",
        "token_quota_exceeded",
        "too_many_requests_error",
        "too_many_tokens_error",
        "model_rate_limit",
        "resource_exhausted",
        "1300",  # Mistral: the headers say which
    }
)

Table = tuple[tuple[re.Pattern[str], Meaning], ...]


def _table(*rows: tuple[str, Meaning]) -> Table:
    return tuple((re.compile(pattern, re.IGNORECASE), meaning) for pattern, meaning in rows)


# Which quota a 429 speaks of.
LIMIT_TEXTS = _table(
    (r"free-models-per-day|openrouter_free_tier_daily|daily free allocation", ACCOUNT_DAY),
    (r"free-models-per-min", ACCOUNT_MINUTE),
    (r"concurren|per 0s\b", BUSY),
    (r"high traffic|rate-limited upstream|provider returned error|overloaded|capacity exceeded|queue", BUSY),
    (r"calls / month|monthly|per month|weekly", ACCOUNT_MONTH),
    (r"PerMonth", PER_MONTH),
    (r"\bsession\b", ACCOUNT_HOUR),  # Ollama Cloud's GPU time
    (r"per day|PerDay|ByDay|/ ?day|\bdaily|per 86400s|\((?:RPD|TPD|ASD)\)", PER_DAY),
    (r"per hour|PerHour|/ ?hour|per 3600s|\((?:RPH|TPH|ASH)\)", PER_HOUR),
    (r"per min|PerMinute|ByMinute|/ ?min|per 60s|\((?:RPM|TPM)\)", PER_MINUTE),
    (r"per second|PerSecond|/ ?s(?:ec|econd)?\b|per 1s\b|\(RPS\)", PER_SECOND),
    (r"current quota.*billing|insufficient balance", ACCOUNT_DAY),
)

# What a 402 says about when it ends: credits that come every month, or a payment that the user has to make.
PAYMENT_TEXTS = _table((r"month", ACCOUNT_MONTH))

UNKNOWN_MODEL = (
    r"model\b.{0,200}?(?:does not exist|not found|not supported|is not available|end of life|decommissioned)"
    r"|not a valid model|(?:no such|unknown|invalid) model|not supported by any provider"
    r"|no endpoints found|promotion has ended|no models? (?:is |are )?loaded"
)
UNSUPPORTED = (
    r"extra inputs are not permitted|unrecognized request argument|unknown (?:name|parameter|field|argument)"
    r"|(?:is|are|was) not supported|does(?: not|n't) support|unsupported"
    r"|only supports|'response_format.type' must be|requires --[a-z]"
)

# What a refusal with 400, 401, 403, 413 or 422 is about, where it has no code of its own.
REFUSAL_TEXTS: dict[int, Table] = {
    400: _table(
        (
            r"maximum context length|context (?:size|length|window)|prompt is too long|too many tokens",
            TOO_LONG,
        ),
        (
            r"token count.{0,80}exceeds|exceeds max(?:imum)? length|reduce the length|maximum context",
            TOO_LONG,
        ),
        (r"request (?:body )?too large|`inputs` tokens \+ `max_new_tokens`", TOO_LONG),
        (r"content management policy|requires moderation|content policy", FILTERED),
        (r"api key (?:not valid|expired|is invalid)|invalid api key", AUTH),
        (r"DEGRADED function", FAILED),
        (UNKNOWN_MODEL, NOT_HERE),
        (UNSUPPORTED, NOT_HERE),
    ),
    401: _table((UNKNOWN_MODEL, NOT_HERE)),
    403: _table(
        (r"requires moderation|content policy", FILTERED),
        (r"context (?:size|length|window)|maximum context|`?max_tokens`? exceed", TOO_LONG),
        (r"insufficient balance|balance (?:is )?insufficient", ACCOUNT_DAY),
        (r"requires a subscription|no access to model|not available (?:on|in|for) your", NOT_HERE),
        (UNKNOWN_MODEL, NOT_HERE),
    ),
    413: _table((r"token|too large for model|context|reduce|request too large", TOO_LONG)),
}
REFUSAL_TEXTS[422] = REFUSAL_TEXTS[400]


def first_match(table: Table, text: str, default: Meaning) -> Meaning:
    """The meaning of the first pattern that `text` matches."""
    return next((meaning for pattern, meaning in table if pattern.search(text)), default)
