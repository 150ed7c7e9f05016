"""Gemini's refusals, as recorded from its API, are classified by what they carry."""

import orjson
import pytest

from apps.providers.adapters.gemini import WIRE
from apps.providers.errors import ErrorKind, UpstreamError
from tests.factories import API_KEY, make_offer

RPC = "type.googleapis.com/google.rpc."
OFFER = make_offer(provider="gemini", model="gemini-2.5-flash")
EXHAUSTED = (
    "You exceeded your current quota, please check your plan and billing details.\n* Quota exceeded for metric: "
    "generativelanguage.googleapis.com/generate_content_free_tier_requests, limit: {limit}, model: "
    "gemini-2.5-flash\nPlease retry in 20.04s."
)


def classify(status, message="", code="", details=(), headers=None) -> UpstreamError:
    error = {"code": status, "message": message, "status": code, "details": list(details)}
    return WIRE.parse_error(status, headers or {}, orjson.dumps({"error": error}), OFFER)


def quota(*quota_ids, value="20"):
    violations = [{"quotaId": quota_id, "quotaValue": value} for quota_id in quota_ids]
    return [
        {"@type": RPC + "Help", "links": []},
        {"@type": RPC + "QuotaFailure", "violations": violations},
        {"@type": RPC + "RetryInfo", "retryDelay": "20s"},
    ]


def test_bad_key_comes_as_400():
    reason = {"@type": RPC + "ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"}

    error = classify(400, "API key not valid.", "INVALID_ARGUMENT", [reason])

    assert error.kind is ErrorKind.AUTH
    assert error.status == 400


@pytest.mark.parametrize(
    ("status", "message", "code"),
    [
        (403, "Method doesn't allow unregistered callers.", "PERMISSION_DENIED"),
        (403, "Your API key was reported as leaked. Please use another API key.", "PERMISSION_DENIED"),
        (401, "Request had invalid authentication credentials.", "UNAUTHENTICATED"),
        (400, "API key expired. Please renew the API key.", "INVALID_ARGUMENT"),
    ],
)
def test_other_key_errors(status, message, code):
    assert classify(status, message, code).kind is ErrorKind.AUTH


@pytest.mark.parametrize(
    ("quota_ids", "window", "scope", "wait"),
    [
        (["GenerateRequestsPerMinutePerProjectPerModel-FreeTier"], "minute", "model", 20.0),
        (["GenerateContentInputTokensPerModelPerMinute-FreeTier"], "minute", "model", 20.0),
        (["GenerateRequestsPerDayPerProjectPerModel-FreeTier"], "day", "model", None),
        (["GenerateRequestsPerDayPerProject"], "day", "account", None),
        (
            [
                "GenerateRequestsPerDayPerProjectPerModel-FreeTier",
                "GenerateRequestsPerMinutePerProjectPerModel-FreeTier",
            ],
            "day",
            "model",
            None,
        ),
        (["SomethingNew"], "minute", "model", 20.0),
    ],
)
def test_quota_id_tells_the_window_whatever_the_retry_delay(quota_ids, window, scope, wait):
    error = classify(429, EXHAUSTED.format(limit=20), "RESOURCE_EXHAUSTED", quota(*quota_ids))

    assert error.kind is ErrorKind.RATE_LIMITED
    assert (error.window, error.scope, error.retry_after_s) == (window, scope, wait)


def test_429_without_details_is_a_minutes_quota():
    error = classify(429, "Resource has been exhausted (e.g. check quota).", "RESOURCE_EXHAUSTED")

    assert (error.kind, error.window) == (ErrorKind.RATE_LIMITED, "minute")
    assert error.retry_after_s is None


@pytest.mark.parametrize(("limit", "value"), [("0", ""), ("20", "0")])
def test_model_without_a_free_quota_is_none_for_this_key(limit, value):
    details = quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier", value=value)

    error = classify(429, EXHAUSTED.format(limit=limit), "RESOURCE_EXHAUSTED", details)

    assert error.kind is ErrorKind.NOT_IN_PLAN


def test_delay_is_read_from_the_text_where_no_detail_has_it():
    assert classify(429, EXHAUSTED.format(limit=20), "RESOURCE_EXHAUSTED").retry_after_s == 20.04


@pytest.mark.parametrize(
    ("status", "message", "code", "kind"),
    [
        (
            400,
            "User location is not supported for the API use.",
            "FAILED_PRECONDITION",
            ErrorKind.UNSUPPORTED_REGION,
        ),
        (404, "models/x is not found for API version v1beta.", "NOT_FOUND", ErrorKind.MODEL_GONE),
        (
            413,
            "Request payload size exceeds the limit: 20971520 bytes.",
            "INVALID_ARGUMENT",
            ErrorKind.REFUSED,
        ),
        (
            400,
            "Developer instruction is not enabled for models/gemma-3-27b-it",
            "INVALID_ARGUMENT",
            ErrorKind.REFUSED,
        ),
        (
            400,
            "Function call is missing a thought_signature in functionCall parts.",
            "INVALID_ARGUMENT",
            ErrorKind.REFUSED,
        ),
        (400, "Request contains an invalid argument.", "INVALID_ARGUMENT", ErrorKind.REFUSED),
        (403, "The caller does not have permission", "PERMISSION_DENIED", ErrorKind.REFUSED),
        (403, "You do not have permission to access the model x.", "PERMISSION_DENIED", ErrorKind.MODEL_GONE),
    ],
)
def test_what_proves_nothing_about_the_request_lets_another_one_try(status, message, code, kind):
    error = classify(status, message, code)

    assert error.kind is kind
    assert error.falls_back


def test_unknown_field_is_named():
    error = classify(
        400, "Invalid JSON payload received. Unknown name \"seed\" at 'generation_config'", "INVALID_ARGUMENT"
    )

    assert error.kind is ErrorKind.REFUSED
    assert error.param == "seed"


def test_request_that_is_wrong_in_itself_does_not_fall_back():
    error = classify(400, "Invalid base64 data in inline_data.", "INVALID_ARGUMENT")

    assert error.kind is ErrorKind.CLIENT_ERROR
    assert not error.falls_back


def test_too_many_tokens():
    message = "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."

    assert classify(400, message, "INVALID_ARGUMENT").kind is ErrorKind.CONTEXT_LENGTH


@pytest.mark.parametrize(
    ("status", "code"), [(500, "INTERNAL"), (502, ""), (503, "UNAVAILABLE"), (504, "DEADLINE_EXCEEDED")]
)
def test_server_errors(status, code):
    error = classify(status, "The model is overloaded.", code, headers={"retry-after": "3"})

    assert error.kind is ErrorKind.SERVER_ERROR
    assert error.retry_after_s == 3.0
    assert error.timed_out == (status == 504)


def test_error_in_an_array():
    body = orjson.dumps([{"error": {"code": 404, "message": "no model", "status": "NOT_FOUND"}}])

    error = WIRE.parse_error(404, {}, body, OFFER)

    assert error.kind is ErrorKind.MODEL_GONE
    assert error.message == "no model"


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'"text"', b"{}", b'{"error":"x"}', b'{"error":[1]}'])
def test_body_of_any_shape_is_classified_by_its_status(body):
    assert WIRE.parse_error(503, {}, body, OFFER).kind is ErrorKind.SERVER_ERROR


def test_html_page_is_told_by_its_title():
    error = WIRE.parse_error(502, {}, b"<html><title>Bad Gateway</title></html>", OFFER)

    assert error.kind is ErrorKind.SERVER_ERROR
    assert error.message == "HTML page: Bad Gateway"


def test_key_never_shows_in_a_message():
    error = classify(400, f"API key {API_KEY} not valid; ?key=AIzaSyTestCanary0123456789", "INVALID_ARGUMENT")

    assert API_KEY not in str(error)
    assert "AIzaSyTestCanary" not in str(error)


@pytest.mark.parametrize(
    ("quota_id", "told"),
    [
        ("GenerateRequestsPerDayPerProjectPerModel-FreeTier", (("requests", "day"), 20, "model")),
        ("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", (("requests", "minute"), 20, "model")),
        (
            "GenerateContentInputTokensPerModelPerMinute-FreeTier",
            (("input_tokens", "minute"), 20, "model"),
        ),
        ("GenerateContentTokensPerModelPerDay", (("tokens", "day"), 20, "model")),
        ("EmbedContentRequestsPerMinutePerProject", (("requests", "minute"), 20, "account")),
    ],
)
def test_a_spent_quota_tells_the_limit(quota_id, told):
    error = classify(429, EXHAUSTED, "RESOURCE_EXHAUSTED", quota(quota_id))

    assert error.told == (told,)


@pytest.mark.parametrize("value", ["", "many", "-5", "1e9", "0", "9" * 40, "²"])
def test_a_quota_without_a_number_tells_nothing(value):
    details = quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier", value=value)

    assert classify(429, "", "RESOURCE_EXHAUSTED", details).told == ()


def test_a_refusal_that_names_quotas_without_end_is_read_to_an_end():
    details = quota(*["GenerateRequestsPerDayPerProjectPerModel-FreeTier"] * 5_000)

    assert len(classify(429, EXHAUSTED, "RESOURCE_EXHAUSTED", details).told) == 20
