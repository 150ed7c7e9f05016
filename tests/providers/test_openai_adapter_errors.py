"""The error bodies of providers' documentation, and what each means to a router."""

import orjson
import pytest
from msgspec.structs import replace

from apps.providers.adapters.openai import WIRE
from apps.providers.adapters.openai.chat import CODEC
from apps.providers.adapters.refusals.waits import parse_duration
from apps.providers.catalogue_files import read_catalogue
from apps.providers.errors import ErrorKind
from apps.providers.limits import Limit
from apps.providers.overrides import Overrides
from apps.providers.presets import parse_preset
from apps.providers.quotas import NO_SCHEME, model_windows
from apps.providers.types import Preset
from tests.factories import API_KEY, make_offer
from tests.providers.azure_wire import AZURE

codec = CODEC
PRESETS = {entry.name: parse_preset(entry.wire) for entry in read_catalogue()} | {"github": AZURE}
DATE = {"date": "Sat, 01 Aug 2026 12:00:00 GMT"}  # epoch 1785585600


def parse(status, body, headers=None, provider=None):
    """The reading of this answer; of a `provider` whose catalogue file says what its codes and texts mean."""
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    preset = PRESETS[provider] if provider else Preset()
    return WIRE.parse_error(status, headers or {}, raw, make_offer(preset=preset))


def nested(message, **fields):
    return {"error": {"message": message, **fields}}


AUTH = [
    (401, nested("Invalid API Key", type="invalid_request_error", code="invalid_api_key")),
    (401, {"detail": "Unauthorized"}),
    (401, {"message": "Wrong API Key", "type": "invalid_request_error", "code": "wrong_api_key"}, "cerebras"),
    (401, nested("No auth credentials found", code=401)),
    (401, {"error": "Invalid username or password."}),
    (401, b""),
    (403, {"status": 403, "title": "Forbidden", "detail": "Authorization failed"}, "nvidia"),
    (403, nested("Your API key was disabled by an administrator.")),
    (403, nested("forbidden", code="invalid_api_key")),
    (400, [{"error": {"code": 400, "message": "API key not valid. Please pass a valid API key."}}]),
    (401, {"success": False, "errors": [{"code": 10000, "message": "Authentication error"}]}, "cloudflare"),
    (401, nested("token expired", code="1003"), "zai"),
]
CONTEXT = [
    (400, nested("Please reduce the length.", param="messages", code="context_length_exceeded")),
    (413, nested("Request too large on tokens per minute (TPM)", type="tokens", code="rate_limit_exceeded")),
    (413, nested("Request body too large. Max size: 8000 tokens.", code="tokens_limit_reached"), "github"),
    (400, {"object": "error", "message": "Prompt contains 40000 tokens", "code": "3051"}, "mistral"),
    (400, nested("maximum context length", code=400, metadata={"error_type": "context_length_exceeded"})),
    (400, {"object": "error", "message": "This model's maximum context length is 4096.", "code": 400}),
    (400, nested("exceeds the available context size", code=400, type="exceed_context_size_error")),
    (403, nested("input and max_tokens exceed the context length")),
    (422, nested("`inputs` tokens + `max_new_tokens` must be <= 8193")),
]
GONE = [
    (404, nested("The model `x` does not exist.", code="model_not_found")),
    (400, nested("The model `x` has been decommissioned.", code="model_decommissioned")),
    (404, b"404 page not found"),
    (410, {"status": 410, "title": "Gone", "detail": "The model 'x' has reached its end of life"}),
    (400, {"object": "error", "message": "Invalid model: x", "code": "1500"}, "mistral"),
    (400, nested("x/y is not a valid model ID", code=400)),
    (403, {"error": {"code": "no_access", "message": "No access to model: openai/gpt-5"}}, "github"),
    (400, nested("The model is not available in your region")),
    (403, nested("Model m is not supported in your country")),
    (
        400,
        {"errors": [{"code": 5007, "message": "No such model @cf/x or task"}], "success": False},
        "cloudflare",
    ),
    (401, nested("Model x is not supported")),
    (403, nested("Project `p` does not have access to llama-3.3-70b-versatile.")),
    (404, b""),
    (404, b"<html><title>404 Not Found</title></html>"),
]
UNKNOWN = [
    (400, b"bad request"),
    (400, nested("Invalid value for 'messages'.", code="invalid_value", param="messages")),
    (400, nested("This model does not support tools: parameter not supported.", code=None)),
    (400, nested("The model called a function that was not found.")),
    (422, nested("top_p must be above 0")),
    (403, nested("token permission")),
    (403, {"status": 403, "title": "Forbidden", "detail": "Authorization failed"}),
    (403, b"<!DOCTYPE html><html><head><title>Just a moment...</title></head></html>"),
    (403, b"<html><title>Attention Required! | Cloudflare</title>our model of your browser</html>"),
    (401, b"<html><title>Just a moment...</title><body>Enable JavaScript</body></html>"),
    (403, b""),
    (400, nested("Provider returned error", code=400, metadata={"raw": "Invalid API key provided"})),
    (
        400,
        nested(
            "Provider returned error", code=400, metadata={"raw": '{"error": "messages must not be empty"}'}
        ),
    ),
    (
        400,
        nested(
            "Invalid schema for function 'f'",
            type="invalid_request_error",
            code="invalid_function_parameters",
        ),
    ),
    *(
        (status, b"")
        for status in (
            300,
            301,
            302,
            303,
            307,
            308,
            405,
            406,
            409,
            411,
            418,
            421,
            423,
            425,
            426,
            428,
            431,
            451,
        )
    ),
    (400, nested("Unrecognized request argument supplied: top_k")),
    (400, nested("'logit_bias' is not supported", code="unsupported_parameter")),
    (400, nested("Failed to call a function.", code="tool_use_failed"), "groq"),
    (413, b"<html><head><title>413 Request Entity Too Large</title></head></html>"),
]
CALLERS_FAULT = [
    (400, nested("messages must not be empty", type="invalid_request_error", code="invalid_value")),
    (400, nested("[] is too short - 'messages': minimum number of items is 1")),
    (422, nested("messages: at least one is needed")),
    (400, nested("Invalid base64 image_url.")),
    (400, nested("The image is not an image", code="invalid_base64_image")),
    (400, nested("The audio file is empty.")),
]
FAILED = [
    (500, nested("The server had an error")),
    (503, b"<html><title>503 Service Temporarily Unavailable</title></html>"),
    (529, nested("Overloaded", type="overloaded_error")),
    (498, nested("capacity exceeded", code="capacity_exceeded")),
    (503, {"message": "Service tier capacity exceeded", "code": "3505"}, "mistral"),
    (502, nested("…", code=502, metadata={"error_type": "provider_unavailable"}), "openrouter"),
    (400, {"status": 400, "detail": "Function id '1': DEGRADED function cannot be invoked"}, "nvidia"),
    (522, b""),
]
HF_MONTH = "You have exceeded your monthly included credits for Inference Providers."
UNPAID = [
    (402, b""),
    (402, {"error": HF_MONTH}, "huggingface"),
    (402, nested("This request requires more credits", code=402)),
    (
        402,
        nested("A payment method is required.", code="PAYMENT_METHOD_REQUIRED", balance_units=0),
        "sambanova",
    ),
    (403, nested("Sorry, your balance is insufficient")),
    (429, nested("You exceeded your current quota", code="insufficient_quota")),
    (429, nested("You exceeded your current quota, please check your plan and billing details")),
    (429, nested("Insufficient balance or no resource package", code="1113"), "zai"),
]
OTHER_PLAN = [
    (403, nested("Your plan does not include this model.", type="permission_error")),
    (403, {"error": "this model requires a subscription, upgrade for access"}, "ollama_cloud"),
    (
        403,
        {"errors": [{"code": 5035, "message": "This is for paid accounts"}], "success": False},
        "cloudflare",
    ),
    (403, nested("The model `m` is not available on your current plan.")),
    (403, nested("Your subscription does not include this model")),
    (403, nested("Only available on the Pro plan")),
]
OTHER_REGION = [
    (403, nested("Not here", code="unsupported_country_region_territory")),
    (403, nested("Country, region, or territory not supported")),
    (400, nested("User location is not supported for the API use.")),
    (403, nested("Sorry, this service is not available in your region")),
    (400, nested("The free tier is not available in your country. Please enable billing.")),
]
FILTERED = [
    (400, nested("The response was filtered", type=None, param="prompt", code="content_filter")),
    (403, nested("x requires moderation on y", code=403, metadata={"reasons": ["violence"]})),
    (400, nested("sensitive content", code="1301"), "zai"),
]


@pytest.mark.parametrize(
    ("kind", "samples"),
    [
        (ErrorKind.AUTH, AUTH),
        (ErrorKind.CONTEXT_LENGTH, CONTEXT),
        (ErrorKind.MODEL_GONE, GONE),
        (ErrorKind.REFUSED, UNKNOWN),
        (ErrorKind.CLIENT_ERROR, CALLERS_FAULT),
        (ErrorKind.SERVER_ERROR, FAILED),
        (ErrorKind.CONTENT_FILTERED, FILTERED),
        (ErrorKind.PAYMENT_REQUIRED, UNPAID),
        (ErrorKind.NOT_IN_PLAN, OTHER_PLAN),
        (ErrorKind.UNSUPPORTED_REGION, OTHER_REGION),
    ],
    ids=[
        "auth",
        "context",
        "gone",
        "unknown",
        "callers_fault",
        "failed",
        "filtered",
        "unpaid",
        "plan",
        "region",
    ],
)
def test_classifies_documented_refusals(kind, samples):
    for status, body, *provider in samples:
        error = parse(status, body, None, *provider)

        assert error.kind is kind, (status, body)
        assert error.status == status
        assert error.message


GROQ_DAY = (
    "Rate limit reached for model `llama-3.3-70b-versatile` in organization `org_x` service tier `on_demand` on"
    " tokens per day (TPD): Limit 100000, Used 97050, Requested 3619. Please try again in 9m38.016s."
)
GITHUB_DAY = (
    "Rate limit of 50 per 86400s exceeded for UserByModelByDay. Please wait 84893 seconds before retrying."
)
NEURONS = "you have used up your daily free allocation of 10,000 neurons"


@pytest.mark.parametrize(
    ("status", "body", "window", "scope", "provider"),
    [
        (429, nested(GROQ_DAY, type="tokens", code="rate_limit_exceeded"), "day", "model", "groq"),
        (429, nested("on requests per minute (RPM): Limit 30", code="rate_limit_exceeded"), "minute", "account", None),
        (429, {"message": "Rate limit exceeded", "type": "rate_limited", "code": "1300"}, None, "account", "mistral"),
        (429, {"message": "Requests per minute limit exceeded", "code": "request_quota_exceeded"}, "minute", "account", "cerebras"),
        (429, {"message": "Tokens per day limit exceeded", "code": "token_quota_exceeded"}, "day", "account", "cerebras"),
        (429, {"message": "We're experiencing high traffic!", "code": "queue_exceeded"}, None, "model", "cerebras"),
        (429, nested("Rate limit exceeded: free-models-per-day. Add 10 credits", code=429), "day", "account", "openrouter"),
        (429, nested("Rate limit exceeded: free-models-per-min", code=429), "minute", "account", "openrouter"),
        (429, nested("Provider returned error", code=429, metadata={"raw": "rate-limited upstream"}), None, "model", "openrouter"),
        (429, nested(GITHUB_DAY, code="RateLimitReached"), "day", "model", "github"),
        (429, nested("Rate limit of 5 per 0s exceeded for UserConcurrentRequests"), None, "model", "github"),
        (429, nested("Rate limit of 15 per 60s exceeded for UserByModelByMinute"), "minute", "model", "github"),
        (429, nested("Rate limit reached for requests", code="1302"), None, "account", "zai"),
        (429, nested("overload", code="1305"), None, "model", "zai"),
        (429, {"message": "Service tier capacity exceeded", "code": "3505"}, None, "model", "mistral"),
        (429, {"message": "limited to 1000 API calls / month"}, "month", "account", "cohere"),
        (429, {"message": "limited to 20 API calls / minute"}, "minute", "account", "cohere"),
        (429, {"errors": [{"code": 4006, "message": NEURONS}], "success": False}, "day", "account", "cloudflare"),
        (429, {"status": 429, "title": "Too Many Requests"}, None, "account", None),
        (429, b"", None, "account", None),
    ],
)  # fmt: skip
def test_tells_which_limit_was_met(status, body, window, scope, provider):
    error = parse(status, body, None, provider)

    assert (error.kind, error.window, error.scope) == (ErrorKind.RATE_LIMITED, window, scope)


@pytest.mark.parametrize(
    ("words", "kind", "scope"),
    [
        ({"service_retired": frozenset({"Ended"})}, ErrorKind.SERVICE_RETIRED, "account"),
        ({"model_payment_required": frozenset({"Ended"})}, ErrorKind.PAYMENT_REQUIRED, "model"),
        ({"payment_required": frozenset({"Ended"})}, ErrorKind.PAYMENT_REQUIRED, "account"),
    ],
)
def test_a_provider_says_by_its_own_code_what_is_closed(words, kind, scope):
    offer = make_offer(preset=Preset(errors=words))

    error = WIRE.parse_error(402, {}, orjson.dumps(nested("It is over.", code="ended")), offer)

    assert (error.kind, error.scope) == (kind, scope)


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "Invalid value: 'your location is not supported'"),
        (403, "tool 'plan' requires a plan of action"),
        (400, "Invalid schema for function 'f': 'the API key is invalid' is not of type 'object'"),
        (400, "Invalid value at 'contents[0].parts[0].text': your API key is invalid"),
        (400, "invalid request: tool 'f': the api key is invalid"),
        (403, "Access token is invalid for this region"),
        (400, "messages.3: messages must not be empty strings"),
        (400, "The audio file is empty of speech"),
        (400, "This model's context window does not support tools"),
        (400, "Invalid model parameter: temperature"),
        (404, "tool not found"),
    ],
)
def test_the_callers_own_words_prove_nothing(status, message):
    assert parse(status, nested(message)).kind is ErrorKind.REFUSED


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (403, "unauthorized", ErrorKind.MODEL_GONE),
        (500, "authentication_error", ErrorKind.SERVER_ERROR),
        (503, "invalid_api_key", ErrorKind.SERVER_ERROR),
        (429, "invalid_api_key", ErrorKind.RATE_LIMITED),
        (401, "unauthorized", ErrorKind.AUTH),
    ],
)
def test_a_code_of_the_key_is_believed_only_of_a_refusal_of_all_models(status, code, kind):
    assert parse(status, nested("Your key has no access to this model", type=code)).kind is kind


@pytest.mark.parametrize(
    ("headers", "window"),
    [
        ({"x-ratelimit-remaining-req-minute": "0", "x-ratelimit-remaining-tokens-month": "9"}, "minute"),
        ({"x-ratelimit-remaining-req-minute": "0", "x-ratelimit-remaining-tokens-month": "0"}, "month"),
        ({"x-ratelimit-remaining-requests-day": "0"}, "day"),
        ({"x-ratelimit-remaining-requests": "0"}, None),
    ],
)
def test_takes_the_window_from_the_headers_that_say_zero_where_the_text_names_none(headers, window):
    body = {"message": "Rate limit exceeded", "type": "rate_limited", "code": "1300"}

    assert parse(429, body, headers).window == window


def test_blames_the_account_until_something_proves_that_it_is_the_model():
    offer = make_offer(preset=Preset(errors={"overloaded": frozenset({"3505"})}))

    plain = WIRE.parse_error(429, {}, b"", offer)
    overload = WIRE.parse_error(429, {}, b'{"error": {"code": "3505", "message": "capacity"}}', offer)

    assert (plain.window, plain.scope) == (None, "account")
    assert (overload.window, overload.scope) == (None, "model")


@pytest.mark.parametrize(
    "proof",
    [
        {"model": "llama-3.3-70b-versatile", "text": "Rate limit reached for llama-3.3-70b-versatile"},
        {"text": "Requests per minute limit exceeded for this model"},
        {"text": "slow down", "preset": Preset(limit_scope="model")},
        {"text": "slow down", "window": True},
    ],
    ids=["its name", "the word", "the preset", "a window of the model's own"],
)
def test_a_429_is_the_models_where_something_proves_it(proof):
    text, own = proof.pop("text"), proof.pop("window", False)
    offer = make_offer(**proof)
    if own:
        windows = model_windows(
            offer.subject.candidate, offer.model, [Limit("requests", "minute", 30)], NO_SCHEME, Overrides()
        )
        offer = replace(offer, subject=replace(offer.subject, windows=windows))

    error = WIRE.parse_error(429, {}, orjson.dumps(nested(text)), offer)

    assert error.scope == "model"


def test_reads_googles_quota_names_from_its_compatible_endpoint():
    violation = {"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}
    details = [{"violations": [violation]}, {"retryDelay": "20s"}]

    error = parse(429, [{"error": {"code": 429, "message": "quota", "details": details}}])

    assert (error.window, error.retry_after_s) == ("day", 20.0)


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({"retry-after-ms": "1500", "retry-after": "9"}, b"", 1.5),
        ({"retry-after": "2"}, nested(GROQ_DAY), 2.0),
        ({"retry-after": "0"}, b"", 0.0),
        ({"retry-after": "Sat, 01 Aug 2026 12:01:00 GMT", **DATE}, b"", 60.0),
        ({"retry-after": "Sat, 01 Aug 2026 12:01:00 GMT"}, b"", None),
        ({"retry-after": "Sat, 01 Aug 2026 11:00:00 GMT", **DATE}, b"", 0.0),
        ({"retry-after": "soon"}, b"", None),
        ({}, {"error": {"message": "Rate limit exceeded", "retry_after": 1}}, 1.0),
        ({}, {"message": "Rate limit exceeded", "retry_after": "3.5"}, 3.5),
        ({"x-ratelimit-timeremaining": "55"}, b"", 55.0),
        ({}, nested(GROQ_DAY), 578.016),
        ({}, nested("Please try again in 825ms."), 0.825),
        ({}, nested("Please retry in 20.04s."), 20.04),
        ({}, nested("try again in 1h2m"), 3720.0),
        ({}, nested(GITHUB_DAY), 84_893.0),
        ({}, nested("Please wait 900000 seconds"), 86_400.0),
        ({}, nested("wait 2 months"), None),
        ({"x-ratelimit-reset": "1785585660000", **DATE}, b"", 60.0),
        ({"x-ratelimit-reset": "1785585660", **DATE}, b"", 60.0),
        ({"x-ratelimit-reset": "1785585660000"}, b"", None),
        (DATE, nested("free-models-per-day", metadata={"headers": {"X-RateLimit-Reset": "1785585720000"}}), 120.0),
        ({"x-ratelimit-reset": "2026-08-01T12:00:30Z", **DATE}, b"", 30.0),
        ({"x-ratelimit-remaining-requests-day": "0", "x-ratelimit-reset-requests-day": "1785585610", **DATE}, b"", 10.0),
        ({"x-ratelimit-remaining-requests": "3", "x-ratelimit-reset-requests": "1785585610", **DATE}, b"", None),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "2m59.56s", **DATE}, b"", None),
        ({}, b"", None),
    ],
)  # fmt: skip
def test_finds_the_wait_wherever_it_is_said(headers, body, seconds):
    assert parse(429, body, headers).retry_after_s == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("7.66s", 7.66), ("2m59.56s", 179.56), ("1d", 86_400.0), ("26.28", 26.28), ("nan", None), ("-5", None), ("", None)],
)  # fmt: skip
def test_reads_durations(text, seconds):
    assert parse_duration(text) == pytest.approx(seconds)


def test_names_the_parameter_that_a_strict_upstream_refused():
    item = {"type": "extra_forbidden", "loc": ["body", "store"], "msg": "Extra inputs are not permitted"}
    body = {"object": "error", "message": {"detail": [item]}, "type": "invalid_request_error", "code": None}

    for error in (parse(422, body), parse(422, {"detail": [item]})):
        assert error.kind is ErrorKind.REFUSED
        assert error.param == "store"
        assert error.message == "store: Extra inputs are not permitted"


def test_keeps_param_and_code_and_scrubs_the_key():
    error = parse(
        400, nested(f"bad key {API_KEY} and \x1b[31m", param="top_p", code="decimal_above_max_value")
    )

    assert (error.param, error.code) == ("top_p", "decimal_above_max_value")
    assert API_KEY not in error.message
    assert "\x1b" not in error.message


def test_shortens_an_html_page_to_its_title():
    page = b"<!DOCTYPE html><html><head><title>Bad gateway</title></head><body>" + b"x" * 100_000

    assert parse(502, page).message == "HTML page: Bad gateway"


@pytest.mark.parametrize(
    "body", [b"null", b"[]", b"[1]", b"3", b'"text"', b'{"error": 5}', b'{"error": {}}', b"\xff\xfe"]
)
def test_survives_bodies_of_no_known_shape(body):
    assert parse(500, body).kind is ErrorKind.SERVER_ERROR


@pytest.mark.parametrize("status", [408, 504])
def test_an_upstreams_timeout_is_marked_as_one(status):
    assert parse(status, b"").timed_out
