"""The tables of docs/API.md say what the code says, docs/CLIENTS.md asks for what there is. Examples: tests/e2e/test_api_document.py."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from django.conf import settings

from apps.clients.api.serializers import NewClientKeySerializer
from apps.core.json_bounds import MAX_DEPTH
from apps.gateway import endpoints
from apps.gateway.answering import stream
from apps.gateway.config import Config
from apps.gateway.edge import cors
from apps.gateway.endpoints.chat.wire import request, schema
from apps.gateway.endpoints.completions.wire import schema as completions
from apps.gateway.endpoints.embeddings import wire as embeddings
from apps.gateway.endpoints.images import wire as images
from apps.gateway.endpoints.messages.wire import schema as messages
from apps.gateway.endpoints.moderations import wire as moderations
from apps.gateway.endpoints.rerank import wire as rerank
from apps.gateway.endpoints.responses.wire import schema as responses
from apps.gateway.endpoints.speech import wire as speech
from apps.gateway.endpoints.transcriptions import wire as transcriptions
from apps.gateway.wire import multipart, surfaces
from apps.providers import image_fetch
from apps.providers.errors import POLICY, ErrorKind
from apps.providers.wires import MAX_AUDIO_BYTES
from apps.strategies.naming import VIRTUAL_MODELS
from tests.documents import Block, Document, codes

DOCUMENT = Document("API.md")
CLIENTS = Document("CLIENTS.md")
GATEWAY = Path(endpoints.__file__).parents[1]
OTHER_FIELDS = "any other"
OPENAIS_MEMBERS = {"id", "object", "created", "system_fingerprint"}


def table(title: str) -> dict[str, list[str]]:
    """A section's rows by what stands in backticks in their first cell, which may be several names."""
    return {
        name: row[1:]
        for row in DOCUMENT.rows(title)
        for name in codes(row[0]) or [row[0]]
        if name != OTHER_FIELDS
    }


def in_words(told: dict[str, Any]) -> str:
    """What a JSON Schema allows, as the tables say it; null apart."""
    if "type" not in told and (options := told.get("anyOf")):
        named = [in_words(option) for option in options if option != {"type": "null"}]
        flat = [word for name in dict.fromkeys(named) for word in name.split(" or ")]
        return " or ".join(dict.fromkeys(flat))
    if words := told.get("enum"):
        return ", ".join(f"`{word}`" for word in words)
    if "$ref" in told:
        return "object"
    kind = told["type"]
    if kind == "array":
        of = told["items"].get("enum")
        return "array" + (f" of {in_words(told['items'])}" if of else bounds(told, "Items", " of "))
    if kind == "object" and isinstance(inner := told.get("additionalProperties"), dict):
        return f"object of {in_words(inner)}"
    return kind + (bounds(told, "Length", " of ") if kind == "string" else bounds(told, "imum", ", "))


def bounds(told: dict[str, Any], what: str, before: str) -> str:
    least, most = told.get(f"min{what}"), told.get(f"max{what}")
    if least is None and most is None:
        return ""
    if least is None:
        return f"{before}up to {most}"
    return f"{before}{least} or more" if most is None else f"{before}{least} to {most}"


def fields(body: type) -> dict[str, str]:
    """The fields of a request's schema, with what they may hold."""
    properties = msgspec.json.schema(body)["$defs"][body.__name__]["properties"]
    return {name: in_words(told) for name, told in properties.items()}


def sources() -> Iterator[ast.AST]:
    """Every node of the code that answers `/v1`."""
    for path in sorted(GATEWAY.rglob("*.py")):
        if not {"migrations", "management", "process", "api", "outlook"} & set(path.parts):
            yield from ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def texts(pattern: str) -> set[str]:
    """Every literal of the gateway's code that matches, in lower case."""
    return {
        node.value.lower()
        for node in sources()
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(pattern, node.value)
    }


@pytest.mark.parametrize(
    ("title", "body"),
    [
        ("Chat completions", schema.ChatBody),
        ("Completions", completions.CompletionBody),
        ("Fields of a message request", messages.MessagesBody),
        ("Fields of a response request", responses.ResponsesBody),
        ("Embeddings", embeddings.EmbeddingBody),
        ("Images", images.ImageBody),
        ("Speech", speech.SpeechBody),
        ("Rerank", rerank.RerankBody),
        ("Moderations", moderations.ModerationBody),
    ],
)
def test_request_fields_are_the_schema(title: str, body: type):
    stated = {name: cells[0] for name, cells in table(title).items()}

    assert stated == fields(body)


def test_own_fields_are_those_that_reach_no_provider():
    of_openai = {"model", "stream", "stream_options"}

    assert set(table("FreeAI's own fields")) == set(request.OWN_FIELDS) - of_openai


def test_form_fields_are_those_that_are_read():
    stated = table("Transcriptions")

    assert set(stated) == {"file", *transcriptions.KNOWN_FIELDS} - {"timestamp_granularities"}
    assert tuple(codes(stated["response_format"][0])) == transcriptions.FORMATS
    assert tuple(codes(stated["timestamp_granularities[]"][0])) == transcriptions.GRANULARITIES


def test_messages_are_the_schema():
    stated = {
        name: (set(codes(cells[0].split(";")[0].partition("parts")[2])), set(codes(cells[1])))
        for name, cells in table("Messages").items()
    }

    assert stated == {
        message.__struct_config__.tag: (parts(message), set(message.__struct_fields__) - {"content"})
        for message in get_args(schema.Message)
    }


def parts(message: type[msgspec.Struct]) -> set[str]:
    """The types of content parts that a message may hold."""
    defined = msgspec.json.schema(message)["$defs"]
    content = json.dumps(defined[message.__name__]["properties"]["content"])
    kinds = {name: told["properties"].get("type", {}).get("enum") for name, told in defined.items()}
    return {str(kinds[name][0]) for name in re.findall(r"#/\$defs/(\w+)\"", content) if kinds[name]}


def test_every_error_has_its_row():
    stated = {
        codes(row[2])[0]: (codes(row[1])[0], int(row[0])) for row in DOCUMENT.rows("Errors") if codes(row[2])
    }
    raised = errors()

    assert set(raised) <= set(stated)
    for code, (type_, statuses) in raised.items():
        assert stated[code][0] == type_, code
        assert stated[code][1] in statuses, code


def errors() -> dict[str, tuple[str, set[int]]]:
    """The codes of the gateway's errors, with their type and the statuses they come with, as far as they are written where it is raised."""
    found: dict[str, tuple[str, set[int]]] = {}
    for node in sources():
        name = getattr(node.func, "id", "") if isinstance(node, ast.Call) else ""
        if not isinstance(node, ast.Call) or name not in {"ApiError", "bad_request"}:
            continue
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        type_ = literals(given.get("type")) or ["invalid_request_error"]
        status = [400] if name == "bad_request" else literals(node.args[0])
        for code in literals(given.get("code")):
            found.setdefault(code, (type_[0], set()))[1].update(status)
    return found


def literals(node: ast.expr | None) -> list[Any]:
    """The values that an expression may have, where they are written there."""
    if isinstance(node, ast.IfExp):
        return literals(node.body) + literals(node.orelse)
    return [node.value] if isinstance(node, ast.Constant) and node.value is not None else []


def test_every_kind_has_its_row():
    stated = {name: cells[1] for name, cells in table("Kinds").items()}

    assert {str(kind) for kind in ErrorKind} <= set(stated)
    for kind, policy in POLICY.items():
        assert ("next candidate" in stated[str(kind)]) is policy.falls_back, kind


def test_every_response_header_has_its_row():
    stated = set(table("Response headers"))

    assert texts(r"[xX]-[-a-zA-Z]*[a-zA-Z]") <= stated
    assert set(cors.EXPOSED.split(", ")) <= stated
    assert {name for name in stated if name.startswith(("x-freeai", "x-ratelimit"))} <= set(
        cors.EXPOSED.split(", ")
    )


def test_every_request_header_has_its_row():
    read = {name.removeprefix("http_").replace("_", "-") for name in texts("HTTP_[A-Z_]+")}

    assert {name for name in read if not name.startswith("access-control")} == set(table("Request headers"))


def test_every_endpoint_has_its_row():
    """Of what is served under /v1 and /v1beta alike the latter; aliases are told in the row of the path whose they are."""
    served = {f"/{prefix}{route.pattern}" for prefix, patterns in endpoints.served() for route in patterns}
    served -= {f"/{alias}" for alias in surfaces.ALIASES}
    served -= {
        path.replace("/v1beta/", "/v1/")
        for path in served
        if "/v1beta/" in path and ":" in path.partition(">")[2]
    }

    stated = {codes(row[0])[0].split()[1] for row in DOCUMENT.rows("Start")}

    assert stated == {re.sub(r"<\w+:(\w+)>", r"{\1}", path) for path in served}


def test_virtual_models_are_those_of_the_code():
    stated = {row[0].strip("`"): codes(row[1])[-1] for row in DOCUMENT.rows("Models and strategies")[:8]}

    assert stated == dict(VIRTUAL_MODELS)


def test_restrictions_of_a_key_are_what_can_be_set():
    writable = {name for name, field in NewClientKeySerializer().fields.items() if not field.read_only}

    assert set(table("Authentication")) == writable - {"name"} | {"enabled"}


def test_members_of_an_answer_are_told():
    example = next(
        json.loads(block.text)
        for block in DOCUMENT.blocks()
        if block.language == "json" and block.title == "Start"
    )
    stated = {name.split(".")[0].split("[")[0] for name in table("The answer")}

    assert stated == set(example) - OPENAIS_MEMBERS | {"explain"}


def test_limits_are_those_of_the_code():
    assert [int(row[1]) for row in DOCUMENT.rows("Limits") if row[2].isdigit()] == [
        settings.FREEAI_MAX_HEAD_BYTES,
        settings.FREEAI_MAX_HEADERS,
        settings.FREEAI_HEAD_TIMEOUT_S,
        settings.FREEAI_BODY_TIMEOUT_S,
        settings.FREEAI_BODY_SILENCE_S,
        settings.DATA_UPLOAD_MAX_NUMBER_FIELDS,
        settings.FREEAI_MAX_BODY_BYTES,
        settings.FREEAI_MAX_JSON_VALUES,
        embeddings.MAX_TOKENS,
        MAX_DEPTH,
        embeddings.MAX_INPUTS,
        rerank.MAX_DOCUMENTS,
        moderations.MAX_INPUTS,
        moderations.MAX_IMAGES,
        images.MAX_PROMPT_CHARS,
        images.MAX_PICTURES,
        speech.MAX_CHARS,
        MAX_AUDIO_BYTES,
        multipart.MAX_FIELDS,
        multipart.MAX_FIELD_CHARS,
        image_fetch.MAX_IMAGES,
        image_fetch.MAX_IMAGE_BYTES,
        image_fetch.MAX_TOTAL_BYTES,
        image_fetch.MAX_REDIRECTS,
        image_fetch.TOTAL_S,
    ]


def test_times_are_those_of_the_code():
    stated = table("Limits")
    shipped = {
        name: getattr(Config(), name) for name in Config.__struct_fields__ if name.endswith("_timeout_s")
    }

    assert {name: float(stated[name][0]) for name in shipped} == shipped
    assert f"for the first {stream.QUIET_S:g} s" in DOCUMENT.section("Streaming")
    assert f"every {stream.COMMENT_INTERVAL_S:g} s" in DOCUMENT.section("Streaming")


def test_set_ups_ask_for_models_that_exist():
    asked = set(re.findall(r"(?<!x-)freeai-[a-z]+", CLIENTS.text))

    assert asked <= set(VIRTUAL_MODELS)


@pytest.mark.parametrize("block", [it for it in CLIENTS.blocks() if it.language in {"py", "json"}])
def test_set_ups_can_be_read(block: Block):
    read = ast.parse if block.language == "py" else json.loads

    assert read(block.text)
