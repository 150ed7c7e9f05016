"""Strategies, explanations and the configuration in the OpenAPI document."""

from typing import Final

from msgspec import Struct

from apps.core.api import StrictSerializer
from apps.core.json_types import JSONObject
from apps.gateway.api.config import ConfigSerializer
from apps.gateway.api.explain import KEY_HASH, SAMPLE, PreviewForm
from apps.gateway.attempts.decision import Decision
from apps.gateway.endpoints.chat.wire.schema import ChatBody
from apps.gateway.wire.reference import Operation, Route
from apps.strategies.api.serializers import NewStrategySerializer, StrategySerializer


class StrategyRow(Struct, kw_only=True):
    """A named rule set."""

    name: str
    description: str
    is_builtin: bool
    definition: JSONObject


class WrittenStrategy(StrategyRow, kw_only=True):
    """`warnings`: clauses that have no effect with the providers there are."""

    warnings: list[JSONObject]


DEFINITION: Final = {"prefer": [{"when": "latency_ema_ms < 500", "weight": 30}]}
QUICK: Final = {
    "name": "quick",
    "description": "Whoever was quick lately",
    "is_builtin": False,
    "definition": DEFINITION,
}
WRITTEN: Final = QUICK | {"warnings": []}
ONE: Final = "/api/strategies/{name}"
ASKED: Final = (403, 404, 413, 429, 502, 503)
WHOSE: Final[JSONObject] = {
    "type": "string",
    "pattern": "^[0-9a-f]{64}$",
    "description": "As if the client key of this hash had sent it. Other users' keys for who may see them.",
}
OPERATIONS: Final[dict[Route, Operation]] = {
    ("GET", "/api/strategies"): Operation(
        summary="Every strategy", answer=list[StrategyRow], paged=True, example=[QUICK]
    ),
    ("POST", "/api/strategies"): Operation(
        summary="Make a strategy",
        body=NewStrategySerializer,
        answer=WrittenStrategy,
        status=201,
        errors=(409, 422),
        sent={"name": "quick", "definition": DEFINITION},
        example=WRITTEN,
    ),
    ("GET", ONE): Operation(summary="One strategy", answer=StrategyRow, example=QUICK),
    ("PATCH", ONE): Operation(
        summary="Change a strategy",
        body=StrategySerializer,
        answer=WrittenStrategy,
        errors=(422,),
        sent={"definition": DEFINITION},
        example=WRITTEN,
    ),
    ("DELETE", ONE): Operation(summary="Delete a custom strategy", status=204),
    ("POST", ONE + "/reset"): Operation(
        summary="Give a built-in strategy its shipped definition back",
        body=StrictSerializer,
        answer=WrittenStrategy,
    ),
    ("POST", "/api/strategies/preview"): Operation(
        summary="What a definition would decide; nothing is saved",
        body=PreviewForm,
        answer=Decision,
        errors=(*ASKED, 422),
        sent={"definition": DEFINITION, "request": SAMPLE},
    ),
    ("POST", "/api/explain"): Operation(
        summary="What would become of a chat request; nothing is sent",
        body=ChatBody,
        answer=Decision,
        errors=ASKED,
        query={KEY_HASH: WHOSE},
        sent=SAMPLE,
    ),
    ("GET", "/api/config"): Operation(summary="Every setting", answer=ConfigSerializer),
    ("PATCH", "/api/config"): Operation(
        summary="Change settings",
        body=ConfigSerializer,
        answer=ConfigSerializer,
        sent={"stream_idle_timeout_s": 60},
    ),
}
