"""Transcription endpoints: OpenAI's form, Cloudflare's /ai/run, Hugging Face's raw bytes. Gemini's is its chat."""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

import orjson

from fakes.answers import Answer, Asked
from fakes.faults import Problem, Refused

from .base import Call, Deviations, Event, json_object

SECONDS_PER_PIECE = 1.5
BYTES_PER_TOKEN = 500
_DISPOSITION = re.compile(rb'name="([^"]*)"(?:; filename="([^"]*)")?')
_BOUNDARY = re.compile(r'boundary="?([^";]+)"?')
Form = dict[str, Any]


class Transcriptions:
    """POST /audio/transcriptions. `path`: elsewhere than below the base."""

    name = "transcriptions"
    method = "POST"
    generates = True
    public = False
    line_end = b"\n"
    done = None

    def __init__(self, path: str = "/audio/transcriptions") -> None:
        self.path = path

    def read(self, call: Call) -> Asked:
        """What is asked. The checks see the fields as lists, `file` as (name, bytes), and all names in `order`."""
        form = read_form(call)
        if "file" not in form:
            raise Refused(Problem(status=400, message="`file` or `url` must be provided", param="file"))
        _, data = form["file"]
        if not data:
            raise Refused(Problem(status=400, message="file is empty", param="file"))
        model = form.get("model", [""])[0]
        asked_times = form.get("timestamp_granularities[]", []) + form.get("timestamp_granularities", [])
        verbose = form.get("response_format") == ["verbose_json"]
        timed = frozenset(asked_times or (["segment"] if verbose else []))
        return asked_of(self.name, model, data, timed, form)

    def whole(self, asked: Asked, answer: Answer, deviations: Deviations) -> bytes:
        """Whisper's JSON; verbose when times were asked for."""
        pieces = answer.choices[0].text
        document: Form = {"text": "".join(pieces).strip(), "x_groq": {"id": "req_fake"}}
        if asked.timed:
            document |= {
                "task": "transcribe",
                "language": "english",
                "duration": len(pieces) * SECONDS_PER_PIECE,
            }
        if "segment" in asked.timed:
            document["segments"] = segments_of(pieces)
        if "word" in asked.timed:
            document["words"] = words_of(pieces)
        return orjson.dumps(document)

    def events(self, asked: Asked, answer: Answer, deviations: Deviations) -> Iterable[Event]:
        """No events: nothing here asks for a stream."""
        return ()


class Translations(Transcriptions):
    """POST /audio/translations: the same form without a language, answered in English."""

    name = "translations"

    def __init__(self) -> None:
        super().__init__("/audio/translations")

    def read(self, call: Call) -> Asked:
        """What is asked. Raises Refused for what has no meaning here."""
        asked = super().read(call)
        for name in asked.body["order"]:
            if name == "language" or name.startswith("timestamp_granularities"):
                raise Refused(Problem(status=400, message=f"unknown field: {name}", param=name))
        return asked


class MistralTranscriptions(Transcriptions):
    """Mistral's: JSON only, with usage."""

    def whole(self, asked: Asked, answer: Answer, deviations: Deviations) -> bytes:
        """Text, and segments when asked for."""
        pieces = answer.choices[0].text
        segments = [
            {
                "start": segment["start"],
                "end": segment["end"],
                "text": segment["text"],
                "type": "transcription_segment",
            }
            for segment in segments_of(pieces)
        ]
        usage = {
            "prompt_audio_seconds": round(len(pieces) * SECONDS_PER_PIECE),
            "prompt_tokens": asked.prompt_tokens,
            "completion_tokens": answer.completion_tokens,
            "total_tokens": asked.prompt_tokens + answer.completion_tokens,
        }
        return orjson.dumps(
            {
                "model": asked.model,
                "text": "".join(pieces).strip(),
                "language": None,
                "segments": segments if asked.timed else [],
                "usage": usage,
            }
        )


class WorkersAI(Transcriptions):
    """POST …/ai/run/{model}, beside …/ai/v1."""

    def __init__(self) -> None:
        super().__init__("/../run/{model:.+}")

    def read(self, call: Call) -> Asked:
        """What is asked: bytes by the first Whisper, JSON by its successors."""
        model = call.match["model"]
        if model == "@cf/openai/whisper":
            return asked_of(self.name, model, call.raw, frozenset(), {})
        body = json_object(call)
        audio = body.get("audio")
        if not isinstance(audio, str) or not audio:
            raise Refused(Problem(status=400, message="required properties at '/' are 'audio'", code="5006"))
        return asked_of(self.name, model, audio.encode(), frozenset({"segment"}), body)

    def whole(self, asked: Asked, answer: Answer, deviations: Deviations) -> bytes:
        """Cloudflare's envelope."""
        pieces = answer.choices[0].text
        result: Form = {"text": "".join(pieces).strip(), "word_count": 3 * len(pieces), "vtt": "WEBVTT\n"}
        if asked.timed:
            words = words_of(pieces)
            result["segments"] = [
                {**segment, "words": words[3 * at : 3 * at + 3]}
                for at, segment in enumerate(segments_of(pieces))
            ]
            duration = len(pieces) * SECONDS_PER_PIECE
            result["transcription_info"] = {"language": "en", "duration": duration}
        else:
            result["words"] = words_of(pieces)
        return orjson.dumps({"result": result, "success": True, "errors": [], "messages": []})


class SpeechRecognition(Transcriptions):
    """POST …/hf-inference/models/{model} with the bytes, beside the router's /v1."""

    def __init__(self) -> None:
        super().__init__("/../hf-inference/models/{model:.+}")

    def read(self, call: Call) -> Asked:
        """What is asked."""
        if not call.headers.get("content-type", "").startswith(("audio/", "video/")):
            message = 'Content type "application/json" not supported. Supported content types are: audio/…'
            raise Refused(Problem(status=400, message=message, extra={"plain": True}))
        return asked_of(self.name, call.match["model"], call.raw, frozenset(), {})

    def whole(self, asked: Asked, answer: Answer, deviations: Deviations) -> bytes:
        """Text alone."""
        return orjson.dumps({"text": "".join(answer.choices[0].text)})


def asked_of(family: str, model: str, data: bytes, timed: frozenset[str], body: Form) -> Asked:
    """A transcription of `data`."""
    digest = blake2b(data + model.encode(), digest_size=12).hexdigest()
    tokens = max(1, len(data) // BYTES_PER_TOKEN)
    return Asked(family=family, model=model, digest=digest, prompt_tokens=tokens, timed=timed, body=body)


def read_form(call: Call) -> Form:
    """A multipart form: a list of values by name, `file` as (file name, bytes), and the names in their `order`.

    Raises Refused for anything else."""
    boundary = _BOUNDARY.search(call.headers.get("content-type", ""))
    if boundary is None or not call.headers["content-type"].startswith("multipart/form-data"):
        raise Refused(Problem(status=400, message="request Content-Type isn't multipart/form-data"))
    form: Form = {"order": []}
    for part in call.raw.split(b"--" + boundary[1].encode())[1:-1]:
        head, _, data = part.partition(b"\r\n\r\n")
        found = _DISPOSITION.search(head)
        if found is None:
            raise Refused(Problem(status=400, message="malformed multipart form"))
        name, value = found[1].decode(), data.removesuffix(b"\r\n")
        form["order"].append(name)
        if found[2] is not None:
            form[name] = (found[2].decode(), value)
        else:
            form.setdefault(name, []).append(value.decode())
    return form


def segments_of(pieces: tuple[str, ...]) -> list[Form]:
    """One of Whisper's segments for each piece of text."""
    return [
        {
            "id": at,
            "seek": 0,
            "start": at * SECONDS_PER_PIECE,
            "end": (at + 1) * SECONDS_PER_PIECE,
            "text": f" {piece.strip()}",
            "tokens": [50364],
            "temperature": 0.0,
            "avg_logprob": -0.2,
            "compression_ratio": 1.1,
            "no_speech_prob": 0.01,
        }
        for at, piece in enumerate(pieces)
    ]


def words_of(pieces: tuple[str, ...]) -> list[Form]:
    """The words of all pieces, spread evenly."""
    words = [word for piece in pieces for word in piece.split()]
    step = SECONDS_PER_PIECE / 3
    return [{"word": word, "start": at * step, "end": (at + 1) * step} for at, word in enumerate(words)]
