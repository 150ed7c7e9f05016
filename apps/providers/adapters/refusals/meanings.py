"""What errors mean: the meanings, and the codes and texts that say so at more than one provider, or where some software says it that
anybody may run. What a single provider says is in its catalogue file, and comes first: see `Vocabulary`.

Sources: the providers' documentation and measurements with live keys, July-August 2026.
"""

import re

from msgspec import Struct

from apps.core.state.periods import Period
from apps.providers.errors import ErrorKind, Scope


class Meaning(Struct, frozen=True):
    """The meaning of an error, without its text. `scope` None: nothing was said of whose quota it is, see `scopes`."""

    kind: ErrorKind
    window: Period | None = None
    scope: Scope | None = None


AUTH = Meaning(ErrorKind.AUTH)
# The key is good, and there is nothing to pay with: whatever model is asked for, unless the provider says that it is about one.
NO_CREDIT = Meaning(ErrorKind.PAYMENT_REQUIRED, scope="account")
MODEL_UNPAID = Meaning(ErrorKind.PAYMENT_REQUIRED, scope="model")
# Where the gateway, or the account, is.
NO_REGION = Meaning(ErrorKind.UNSUPPORTED_REGION, scope="account")
# The whole service has ended, for everybody.
RETIRED = Meaning(ErrorKind.SERVICE_RETIRED)
# The model is there, for accounts that pay, or pay more.
NOT_IN_PLAN = Meaning(ErrorKind.NOT_IN_PLAN)
# An unknown or retired model, or one that is not for this key.
MODEL_GONE = Meaning(ErrorKind.MODEL_GONE)
# Proven: every provider would refuse the same request.
CLIENT_ERROR = Meaning(ErrorKind.CLIENT_ERROR)
# Whatever else is refused: a parameter that this one does not take, a call that it failed to write, a redirect. Another may accept it.
REFUSED = Meaning(ErrorKind.REFUSED)
TOO_LONG = Meaning(ErrorKind.CONTEXT_LENGTH)
FILTERED = Meaning(ErrorKind.CONTENT_FILTERED)
FAILED = Meaning(ErrorKind.SERVER_ERROR)
# Their capacity, not the user's quota: with status 429 a short wait, otherwise a failure (see `classify`).
OVERLOADED = Meaning(ErrorKind.SERVER_ERROR)
BUSY = Meaning(ErrorKind.RATE_LIMITED, scope="model")
# The user's own calls at the same time are too many for the key.
QUEUED = Meaning(ErrorKind.RATE_LIMITED, scope="account")
# A limit, and nobody says which.
UNNAMED = Meaning(ErrorKind.RATE_LIMITED)
PER_SECOND = Meaning(ErrorKind.RATE_LIMITED, "second")
PER_MINUTE = Meaning(ErrorKind.RATE_LIMITED, "minute")
PER_HOUR = Meaning(ErrorKind.RATE_LIMITED, "hour")
PER_DAY = Meaning(ErrorKind.RATE_LIMITED, "day")
PER_MONTH = Meaning(ErrorKind.RATE_LIMITED, "month")
MODEL_SECOND = Meaning(ErrorKind.RATE_LIMITED, "second", "model")
MODEL_MINUTE = Meaning(ErrorKind.RATE_LIMITED, "minute", "model")
MODEL_HOUR = Meaning(ErrorKind.RATE_LIMITED, "hour", "model")
MODEL_DAY = Meaning(ErrorKind.RATE_LIMITED, "day", "model")
MODEL_MONTH = Meaning(ErrorKind.RATE_LIMITED, "month", "model")
ACCOUNT_MINUTE = Meaning(ErrorKind.RATE_LIMITED, "minute", "account")
ACCOUNT_HOUR = Meaning(ErrorKind.RATE_LIMITED, "hour", "account")
ACCOUNT_DAY = Meaning(ErrorKind.RATE_LIMITED, "day", "account")
ACCOUNT_MONTH = Meaning(ErrorKind.RATE_LIMITED, "month", "account")

# The words for them in the catalogue (see `Preset.errors`). LIMIT is none of them: it says "rate limit", and leaves it to the text which.
MEANINGS: dict[str, Meaning] = {
    "auth": AUTH,
    "payment_required": NO_CREDIT,
    "model_payment_required": MODEL_UNPAID,
    "unsupported_region": NO_REGION,
    "service_retired": RETIRED,
    "not_in_plan": NOT_IN_PLAN,
    "model_gone": MODEL_GONE,
    "client_error": CLIENT_ERROR,
    "refused": REFUSED,
    "too_long": TOO_LONG,
    "filtered": FILTERED,
    "failed": FAILED,
    "overloaded": OVERLOADED,
    "busy": BUSY,
    "queued": QUEUED,
    "second": MODEL_SECOND,
    "minute": MODEL_MINUTE,
    "hour": MODEL_HOUR,
    "day": MODEL_DAY,
    "month": MODEL_MONTH,
    "account_minute": ACCOUNT_MINUTE,
    "account_hour": ACCOUNT_HOUR,
    "account_day": ACCOUNT_DAY,
    "account_month": ACCOUNT_MONTH,
}
LIMIT = "limit"

# Codes that more than one provider sends, or that say by themselves what they mean; the others are the catalogue's.
CODES: dict[str, Meaning] = {
    code: meaning
    for meaning, codes in (
        (AUTH, "invalid_api_key unauthorized authentication_error authentication api_key_invalid"),
        (MODEL_GONE, "model_not_found model_decommissioned model_not_available model_terms_required"),
        # An image that is no base64, or has no bytes, is one nowhere.
        (CLIENT_ERROR, "invalid_base64_image empty_image_file"),
        (
            REFUSED,
            "unsupported_parameter unsupported_value extra_forbidden max_tokens_exceeded not_supported_error",
        ),
        (TOO_LONG, "context_length_exceeded exceed_context_size_error token_limit_exceeded string_too_long"),
        (TOO_LONG, "payload_too_large"),
        (FILTERED, "content_filter content_policy_violation refusal"),
        (OVERLOADED, "capacity_exceeded overloaded overloaded_error"),
        (NO_CREDIT, "insufficient_quota payment_required payment_method_required insufficient_balance"),
        (NO_CREDIT, "insufficient_credits insufficient_funds billing_not_active billing_hard_limit_reached"),
        (NO_REGION, "unsupported_country_region_territory"),
    )
    for code in codes.split()
}

# Codes that say "rate limit" and leave it to the text which.
LIMIT_CODES = frozenset({"rate_limit_exceeded", "rate_limit_error", "rate_limited", "resource_exhausted"})

Table = tuple[tuple[re.Pattern[str], Meaning], ...]


def compile_text(pattern: str) -> re.Pattern[str]:
    """Raises ValueError for what is no regular expression."""
    try:
        return re.compile(pattern, re.IGNORECASE)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from error


def _table(*rows: tuple[str, Meaning]) -> Table:
    return tuple((compile_text(pattern), meaning) for pattern, meaning in rows)


# Which quota a 429 speaks of.
LIMIT_TEXTS = _table(
    (r"concurren|per 0s\b", BUSY),
    (r"high traffic|overloaded|capacity exceeded|queue", BUSY),
    (r"monthly|per month|weekly", ACCOUNT_MONTH),
    (r"PerMonth", PER_MONTH),
    (r"per day|PerDay|ByDay|/ ?day|\bdaily|per 86400s|\((?:RPD|TPD|ASD)\)", PER_DAY),
    (r"per hour|PerHour|/ ?hour|per 3600s|\((?:RPH|TPH|ASH)\)", PER_HOUR),
    (r"per min|PerMinute|ByMinute|/ ?min|per 60s|\((?:RPM|TPM)\)", PER_MINUTE),
    (r"per second|PerSecond|/ ?s(?:ec|econd)?\b|per 1s\b|\(RPS\)", PER_SECOND),
    (r"current quota.*billing|insufficient (?:balance|credits|funds)", NO_CREDIT),
)

# A model that is not there, by its name: not a part of a request that a model does not support.
_OF_A_MODEL = r"\bmodel\b:?(?:\s+\S+){0,2}?\s+"
GONE = (
    _OF_A_MODEL
    + r"(?:does not exist|(?:is |was |could )?not (?:be )?found|is not available|is not supported\b(?! with)|is deprecated)"
    rf"|{_OF_A_MODEL}(?:has|was|is) (?:been )?(?:reached its end of life|decommissioned|retired|removed|deprecated|shut ?down)"
    r"|not a valid model|(?:no such|unknown|invalid) model(?! (?:parameter|setting|option|input|output))|not supported by any provider"
)

# Something else that is not there: of the request, not of the catalogue.
_THING = (
    r"(?<![\w/-])(?:tools?|functions?|files?|images?|audio|videos?|documents?|attachments?|ur[il]s?|cached? ?contents?|caches?|threads?"
    r"|conversations?|sessions?|assistants?|(?:previous )?responses?|messages?|prompts?|templates?|schemas?|indexe?s?|datasets?|voices?"
    r"|batch(?:es)?|accounts?|users?|organi[sz]ations?|projects?|references?)(?![\w-])"
)
OTHER_GONE = (
    rf"{_THING}[^.]{{0,80}}\b(?:not (?:be )?found|(?:does|do|did) ?n[o']t exist|no longer exists?"
    r"|(?:is|are|was|were) missing|(?:has|have) expired)"
    rf"|\b(?:no such|unknown|(?:can|could|did) ?(?:not|n't) find|unable to find)\s+(?:\w+\s+){{0,2}}?{_THING}"
)

# A model that other plans have.
_PLAN = r"(?:plan|tier|subscription|membership)\b"
OTHER_PLAN = (
    rf"requires? an? (?:(?:\w+ ){{1,3}}{_PLAN}|subscription\b)|(?:on|in|for|with|by|under) your (?:\w+ ){{0,2}}{_PLAN}"
    rf"|your (?:\w+ ){{0,2}}{_PLAN}(?: \w+)? (?:does(?: not|n['’]t)|has no|cannot)|upgrade (?:your {_PLAN}|to a \w+ {_PLAN}|for access)"
    rf"|only (?:available )?(?:on|in|for|to|with) (?:\w+ ){{0,3}}(?:plans?|tiers?|subscribers|subscriptions?|customers)\b"
)

PLAN_TEXTS = _table((OTHER_PLAN, NOT_IN_PLAN))

# What a refusal is about, where it has no code of its own.
REFUSAL_TEXTS: dict[int, Table] = {
    400: _table(
        (
            r"maximum context length|context (?:size|length|window)(?! (?:does|is) not support)|prompt is too long|too many tokens",
            TOO_LONG,
        ),
        (
            r"token count.{0,80}exceeds|exceeds max(?:imum)? length|reduce the length|maximum context",
            TOO_LONG,
        ),
        (r"request (?:body )?too large|`inputs` tokens \+ `max_new_tokens`", TOO_LONG),
        (r"content management policy|requires moderation|content policy", FILTERED),
        (GONE, MODEL_GONE),
    ),
    401: _table((GONE, MODEL_GONE)),
    403: _table(
        (r"requires moderation|content policy", FILTERED),
        (r"context (?:size|length|window)|maximum context|`?max_tokens`? exceed", TOO_LONG),
        (r"insufficient (?:balance|credits|funds)|balance (?:is )?insufficient", NO_CREDIT),
        (OTHER_PLAN, NOT_IN_PLAN),
        (r"no access to model|not available (?:on|in|for) your", MODEL_GONE),
        (GONE, MODEL_GONE),
    ),
    404: _table((GONE, MODEL_GONE), (OTHER_GONE, REFUSED)),
    413: _table((r"token|too large for model|context|reduce|request too large", TOO_LONG)),
}
REFUSAL_TEXTS[410] = REFUSAL_TEXTS[404]
REFUSAL_TEXTS[422] = REFUSAL_TEXTS[400]

# What proves something for good, so that only the upstream's own sentence is read for it: not what it quotes of another's, no web page.
_KEY = r"(?:api|access)[ _-]?(?:key|token)"
# A sentence may quote the caller's words: this one begins with the key and ends with what is wrong with it.
_ENDS = r"\s*(?:$|[.,;:!(]|(?:or|and|by|since|because|due)\b)"
BAD_KEY = (
    r"^\W*(?:(?:error|unauthorized|forbidden|authentication \w+)\s*[:-]\s*)?(?:(?:an?|the|this|your|provided|given) ){0,2}(?:"
    rf"(?:invalid|incorrect|wrong|expired|revoked) {_KEY}(?: provided| given)?"
    rf"|{_KEY}(?: provided)? (?:(?:is|was|has|been) )*(?:not valid|not found|invalid|expired|revoked|disabled|suspended|deleted)"
    rf"|{_KEY} was reported as leaked"
    rf"){_ENDS}"
)
NOTHING_SAID = (
    rf"\bmessages['\"`]?:? (?:must not be|cannot be|can't be|should not be|is|are) (?:an )?empty(?: array| list)?{_ENDS}"
    r"|messages['\"`]?:? empty array|messages['\"`]?:? (?:must (?:contain|have) )?at least one"
    r"|['\"`]messages['\"`]\W{0,5}minimum number of items"
)
# "Model m is not available in your region" is about the model.
_PLACE = r"(?:countr(?:y|ies)|regions?|territor(?:y|ies)|locations?)"
OTHER_REGION = (
    rf"^(?!.*\bmodel\b)(?:\W*(?:your |the |user )*{_PLACE}[\w ,]{{0,30}} (?:is |are )?not supported\b"
    rf"|[\w ,.'-]{{0,60}}?\bnot (?:available|supported) in your {_PLACE}\b)"
)
PROOFS: dict[int, Table] = {
    400: _table(
        (BAD_KEY, AUTH),
        (OTHER_REGION, NO_REGION),
        (NOTHING_SAID, CLIENT_ERROR),
        (r"invalid base64|not (?:a )?valid base64|incorrect padding", CLIENT_ERROR),
        (rf"(?:audio|uploaded) file is empty{_ENDS}", CLIENT_ERROR),
    ),
    403: _table((BAD_KEY, AUTH), (OTHER_REGION, NO_REGION)),
}
PROOFS[422] = PROOFS[400]
PROOFS[200] = PROOFS[400]  # an error inside of an answer


def first_match(table: Table, text: str) -> Meaning | None:
    """The meaning of the first pattern that `text` matches, None where none does."""
    return next((meaning for pattern, meaning in table if pattern.search(text)), None)
