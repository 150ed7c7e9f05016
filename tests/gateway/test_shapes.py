"""Requests that are right but for their shape, on every surface: refused by a 400 that names the field, or served. Whatever a part of the
gateway reads of one is looked at before: it is no fault of ours, and no upstream's."""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import islice
from typing import Any, get_args

import orjson
import pytest

from apps.gateway.answering.operation import answers_of
from apps.gateway.endpoints.chat.wire import request as chat_request
from apps.gateway.endpoints.embeddings import wire as embeddings_wire
from apps.gateway.endpoints.images import wire as images_wire
from apps.gateway.endpoints.moderations import wire as moderations_wire
from apps.gateway.endpoints.rerank import wire as rerank_wire
from apps.gateway.endpoints.speech import wire as speech_wire
from apps.gateway.endpoints.transcriptions import wire as transcriptions_wire
from apps.gateway.wire.errors import ApiError
from apps.gateway.wire.multipart import Form
from apps.providers.adapters import chat as chat_codecs
from apps.providers.adapters import embeddings as embedding_codecs
from apps.providers.adapters import images as image_codecs
from apps.providers.adapters import moderation as moderation_codecs
from apps.providers.adapters import rerank as rerank_codecs
from apps.providers.adapters import speech as speech_codecs
from apps.providers.adapters import transcription as transcription_codecs
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.image_fetch import image_count, image_urls
from apps.providers.types import Capability, Offer
from apps.strategies.reading import observe
from tests.factories import make_offer
from tests.gateway.audio import SAMPLES, transcribe
from tests.gateway.conftest import SHIPPED, Gateway
from tests.shapes import misshapen

PNG = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo=", "detail": "low"}}
TEXT = {"type": "text", "text": "Hi"}
SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": ["array", "null"], "items": {"enum": ["b"]}, "nullable": True}},
    "required": ["a"],
    "$defs": {"c": {"$ref": "#/$defs/c"}},
    "allOf": [{"$ref": "#/$defs/c"}],
}
CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "weather", "arguments": "{}"},
    "extra_content": {"google": {"thought_signature": "x"}},
}
CHAT: dict[str, Any] = {
    "model": "freeai-auto",
    "temperature": 0.5,
    "stop": ["x"],
    "n": 1,
    "max_tokens": 16,
    "logit_bias": {"5": 1},
    "top_logprobs": 2,
    "seed": 1,
    "stream_options": {"include_usage": True},
    "response_format": {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": SCHEMA}},
    "tools": [
        {"type": "function", "function": {"name": "weather", "strict": True, "parameters": SCHEMA}},
        {"type": "custom", "custom": {"name": "grep", "description": "x", "format": {"type": "text"}}},
    ],
    "tool_choice": {
        "type": "allowed_tools",
        "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "weather"}}]},
    },
    "functions": [{"name": "old", "parameters": {}}],
    "function_call": {"name": "old"},
    "reasoning_effort": "low",
    "modalities": ["text"],
    "metadata": {"a": "b"},
    "prediction": {"type": "content", "content": [TEXT]},
    "messages": [
        {"role": "system", "name": "s", "content": [TEXT | {"cache_control": {"type": "ephemeral"}}]},
        {"role": "developer", "content": "x"},
        {
            "role": "user",
            "content": [
                TEXT,
                PNG,
                {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
                {"type": "file", "file": {"file_data": "data:application/pdf;base64,eA==", "filename": "x.pdf"}},
                {"type": "video_url", "video_url": {"url": "https://example.com/y.mp4"}},
            ],
        },
        {
            "role": "assistant",
            "content": [TEXT, {"type": "refusal", "refusal": "y"}, {"type": "thinking", "thinking": [TEXT]}],
            "reasoning_content": "Hm.",
            "reasoning_details": [{"type": "reasoning.text", "text": "x"}],
            "tool_calls": [CALL, {"id": "call_2", "type": "custom", "custom": {"name": "grep", "input": "x"}}],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": [TEXT, PNG]},
        {"role": "tool", "tool_call_id": "call_2", "content": "x"},
        {"role": "assistant", "content": None, "function_call": {"name": "old", "arguments": "{}"}},
        {"role": "function", "name": "old", "content": "x"},
        {"role": "user", "content": "Go on."},
    ],
}  # fmt: skip
EMBEDDINGS: dict[str, Any] = {
    "model": "embed",
    "input": ["one", "two"],
    "dimensions": 256,
    "encoding_format": "base64",
    "user": "u",
    "input_type": "search_query",
    "preferred_provider": None,
    "fallback": True,
}
TOKENS = EMBEDDINGS | {"input": [[1, 2], [3]]}
FIELDS = {
    "model": "whisper-large-v3",
    "language": "en",
    "prompt": "A talk.",
    "temperature": "0.5",
    "response_format": "verbose_json",
    "timestamp_granularities[]": "word",
    "preferred_provider": "",
    "fallback": "true",
    "stream": "false",
    "extra[x]": "y",
}
RERANK: dict[str, Any] = {
    "model": "ranker",
    "query": "one",
    "documents": ["one", {"text": "two", "title": "x"}],
    "top_n": 2,
    "top_k": 2,
    "return_documents": True,
    "rank_fields": ["text"],
    "max_tokens_per_doc": 100,
    "truncate": True,
}
MODERATION: dict[str, Any] = {
    "model": "guard",
    "input": [TEXT, {"type": "image_url", "image_url": {"url": "https://example.com/y.png"}}],
    "user": "u",
    "preferred_provider": None,
}
IMAGE: dict[str, Any] = {
    "model": "flux",
    "prompt": "a cat",
    "n": 2,
    "size": "512x512",
    "response_format": "url",
    "output_format": "png",
    "seed": 1,
    "steps": 4,
    "stream": False,
    "quality": "low",
    "user": "u",
}
SPEECH: dict[str, Any] = {
    "model": "tts",
    "input": "One. Two.",
    "voice": {"id": "alloy"},
    "response_format": "wav",
    "speed": 1.0,
    "instructions": "Softly.",
    "stream_format": "audio",
    "lang": "en",
    "ref_audio": "eA==",
}
ONE_CALL = (
    (RERANK, rerank_wire.parse, rerank_codecs),
    (MODERATION, moderations_wire.parse, moderation_codecs),
    (IMAGE, images_wire.parse, image_codecs),
    (SPEECH, speech_wire.parse, speech_codecs),
)
UNTAKEN = {"functions", "function_call", "prediction", "logit_bias", "top_logprobs"}
TAKEN: dict[str, Any] = {name: value for name, value in CHAT.items() if name not in UNTAKEN} | {
    "messages": [
        {"role": "system", "content": [TEXT]},
        {"role": "user", "content": [TEXT, PNG]},
        {"role": "assistant", "content": "x", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": "24"},
        {"role": "user", "content": "Go on."},
    ],
    "tools": CHAT["tools"][:1],
    "tool_choice": "auto",
}
"""What upstreams take too."""
TEXTS = (
    "",
    "x",
    "\x00",
    "-1",
    "1e999",
    "nan",
    "NaN",
    "[]",
    "{}",
    "null",
    "true",
    "\r\n",
    "--b0undary",
    "é" * 200,
)
NAMES = ("", "x", "\x00", "file", "a b", 'a"b', "model[]", "é", "x" * 100)
OFFERS = [
    make_offer(provider=name, preset=preset)
    for name in sorted(SHIPPED)
    for preset in (SHIPPED[name], *(variant.preset for variant in SHIPPED[name].variants))
]
ALL = set(get_args(Capability))
AT_A_TIME = 6
"""Of the offers, for each request: all of them have their turn."""


def some_offers(number: int) -> list[Offer]:
    at = number * AT_A_TIME
    return [OFFERS[(at + step) % len(OFFERS)] for step in range(AT_A_TIME)]


def unread(error: UpstreamError) -> None:
    """A wire may have no words for a request, but none trips over one."""
    assert error.kind is not ErrorKind.PARSING


class Judged:
    """Counts what was refused, and holds each refusal to its field."""

    def __init__(self) -> None:
        self.refused = self.taken = 0
        self.wrong: list[str] = []

    def parse(self, parse: Any, given: Any) -> Any:
        """What `parse` makes of it; None for a refusal."""
        is_json = isinstance(given, bytes)  # a form's wrong name cannot be told by its name
        try:
            made = parse(given)
        except ApiError as error:
            self.wrong += [error.message] if error.status != 400 or (is_json and not error.param) else []
            self.refused += 1
            return None
        self.taken += 1
        return made

    def close(self) -> None:
        """Raises AssertionError: for a refusal that names no field, or where there was nothing of one kind."""
        assert self.wrong == []
        assert self.refused > 50
        assert self.taken > 50


def test_chat():
    judged = Judged()
    for number, case in enumerate(misshapen(CHAT, mixed=1_500)):
        chat = judged.parse(chat_request.parse, orjson.dumps(case))
        if chat is None:
            continue
        observe(chat)
        image_count(chat.body), image_urls(chat.body), answers_of(chat)
        for offer in some_offers(number):
            codec = chat_codecs.codec_for(offer)
            codec.dropped(chat, offer)
            chat_codecs.open_stream(chat, offer)
            try:
                codec.build(chat, offer)
            except UpstreamError as error:
                unread(error)
    judged.close()


@pytest.mark.parametrize("whole", [EMBEDDINGS, TOKENS], ids=["texts", "tokens"])
def test_embeddings(whole: dict[str, Any]):
    judged = Judged()
    for number, case in enumerate(misshapen(whole, mixed=1_000)):
        request = judged.parse(embeddings_wire.parse, orjson.dumps(case))
        if request is None:
            continue
        for offer in some_offers(number):
            embedding_codecs.why_unfit(request, offer)
            embedding_codecs.dropped(request, offer)
            for batch in embedding_codecs.split(request, offer):
                try:
                    embedding_codecs.codec_for(offer).build(request, batch, offer)
                except UpstreamError as error:
                    unread(error)
    judged.close()


@pytest.mark.parametrize(
    ("whole", "parse", "codecs"), ONE_CALL, ids=["rerank", "moderation", "image", "speech"]
)
def test_tasks_of_one_call(whole: dict[str, Any], parse: Any, codecs: Any):
    judged = Judged()
    for number, case in enumerate(misshapen(whole, mixed=1_000)):
        request = judged.parse(parse, orjson.dumps(case))
        if request is None:
            continue
        for offer in some_offers(number):
            codecs.dropped(request, offer)
            if hasattr(codecs, "why_unfit"):
                codecs.why_unfit(request, offer)
            for part in codecs.split(request, offer) if hasattr(codecs, "split") else [request]:
                try:
                    codecs.codec_for(offer).build(part, offer)
                except UpstreamError as error:
                    unread(error)
    judged.close()


def misshapen_forms() -> Iterator[Form]:
    """Each field with something else in it, twice, under other names; and files of other kinds and names."""
    sound = {"file": SAMPLES["wav"]}
    for name in FIELDS:
        for text in TEXTS:
            yield Form(list((FIELDS | {name: text}).items()), sound)
            yield Form([*FIELDS.items(), (name, text)], sound)
    for name in NAMES:
        yield Form([*FIELDS.items(), (name, "x")], sound)
        yield Form(list(FIELDS.items()), {name: SAMPLES["wav"]})
        yield Form(list(FIELDS.items()), sound | {name: b""})
    for sample in SAMPLES.values():
        for end in range(0, len(sample), 7):
            yield Form(list(FIELDS.items()), {"file": sample[:end]})


def test_transcriptions():
    judged = Judged()
    for number, case in enumerate(misshapen_forms()):
        request = judged.parse(transcriptions_wire.parse, case)
        if request is None:
            continue
        for offer in some_offers(number):
            transcription_codecs.why_unfit(request, offer)
            transcription_codecs.dropped(request, offer)
            try:
                transcription_codecs.codec_for(offer).build(request, offer)
            except UpstreamError as error:
                unread(error)
    judged.close()


async def test_through_the_whole_gateway(gateway: Gateway, caplog: pytest.LogCaptureFixture):
    """Some of each, all the way to a fake: no fault, and nothing that nobody foresaw."""
    for name in ("groq", "gemini", "cohere", "mistral"):
        gateway.add(name, capabilities=ALL)
    gateway.add("embeds", "embed", family="cohere", task="embedding", capabilities=ALL)
    gateway.add("hears", "whisper-large-v3", family="groq", task="transcription", capabilities=ALL)
    statuses: dict[str, Counter[int]] = defaultdict(Counter)
    with caplog.at_level(logging.ERROR):
        for path, whole in (("/v1/chat/completions", TAKEN), ("/v1/embeddings", EMBEDDINGS)):
            for case in islice(misshapen(whole, mixed=800, seed=7), 0, None, 5):
                answer = await gateway.client.request("POST", path, orjson.dumps(case))
                statuses[path][answer.status] += 1
        for name, text in ((name, text) for name in FIELDS for text in TEXTS):
            answer = await transcribe(gateway.client, *(FIELDS | {name: text}).items(), file=SAMPLES["wav"])
            statuses["transcriptions"][answer.status] += 1
    assert [record.getMessage() for record in caplog.records] == []
    for seen in statuses.values():
        assert set(seen) <= {200, 400, 404, 502}, seen
        assert seen[200] > 10
