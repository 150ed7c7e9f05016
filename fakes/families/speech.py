"""Speech endpoints: OpenAI's raw bytes, Mistral's JSON, Cloudflare's /ai/run, Gemini's audio parts. Sounds are short, and true to their
format by the first bytes."""

from __future__ import annotations

import struct
from base64 import b64encode
from collections.abc import Iterable
from typing import Any

import orjson

from fakes.answers import Answer, Asked
from fakes.faults import Problem, Refused

from .base import Call, Deviations, Event, json_object, prompt_size_and_digest, require_types

RATE = 24_000


def samples_of(text: str) -> bytes:
    """16-bit samples: one for each byte of the text."""
    return b"".join(struct.pack("<h", byte) for byte in text.encode())


def wav_of(text: str, *, streamed: bool = False) -> bytes:
    """A WAV file; one that is `streamed` has no sizes in its head."""
    samples = samples_of(text)
    form = struct.pack("<HHIIHH", 1, 1, RATE, RATE * 2, 2, 16)
    sizes = (0xFFFFFFFF, 0xFFFFFFFF) if streamed else (36 + len(samples), len(samples))
    head = struct.pack("<4sI4s4sI", b"RIFF", sizes[0], b"WAVE", b"fmt ", 16)
    return head + form + struct.pack("<4sI", b"data", sizes[1]) + samples


def sound_of(text: str, kind: str) -> bytes:
    """The fake model's voice in a format."""
    heads = {
        "mp3": b"ID3\x04\0\0\0\0\0\0",
        "opus": b"OggS\0\x02",
        "flac": b"fLaC\0",
        "aac": b"\xff\xf1\x50\x80",
    }
    if kind == "wav":
        return wav_of(text, streamed=True)
    return samples_of(text) if kind == "pcm" else heads[kind] + samples_of(text)


class Speech:
    """POST /audio/speech. `kinds`: what `response_format` may say, the first where it says nothing."""

    name = "speech"
    method = "POST"
    path = "/audio/speech"
    generates = True
    public = False
    line_end = b"\n"
    done = None

    def __init__(self, *kinds: str) -> None:
        self.kinds = kinds or ("mp3", "opus", "aac", "flac", "wav", "pcm")

    def read(self, call: Call) -> Asked:
        """What is asked; `timed` holds the format."""
        body = json_object(call)
        require_types(body, {"model": str, "input": str, "response_format": str, "speed": (int, float)})
        kind = body.get("response_format") or self.kinds[0]
        if kind not in self.kinds:
            raise Refused(Problem(status=400, message=f"response_format must be one of {self.kinds}"))
        return self.asked_of(body.get("model") or "", body.get("input"), kind, body)

    def whole(self, asked: Asked, answer: Answer, deviations: Deviations) -> bytes:
        """The sound itself."""
        return sound_of(asked.last_user_text, *asked.timed)

    def events(self, asked: Asked, answer: Answer, deviations: Deviations) -> Iterable[Event]:
        """No events: nothing here asks for a stream."""
        return ()

    def asked_of(self, model: str, text: Any, kind: str, body: Any) -> Asked:
        """`text`, spoken. Raises Refused for none."""
        if not isinstance(text, str) or not text.strip():
            raise Refused(Problem(status=400, message="input must not be empty", param="input"))
        tokens, digest = prompt_size_and_digest(text, model)
        return Asked(
            family=self.name,
            model=model,
            digest=digest,
            prompt_tokens=tokens,
            last_user_text=text,
            timed=frozenset({kind}),
            body=body,
        )


class MistralSpeech(Speech):
    """JSON with base64."""

    def whole(self, asked: Asked, answer: Answer, deviations: Deviations) -> bytes:
        """`audio_data`."""
        return orjson.dumps({"audio_data": b64encode(super().whole(asked, answer, deviations)).decode()})


class WorkersAISpeech(Speech):
    """POST …/ai/run/{model}, beside …/ai/v1: base64 in the envelope, or bare MP3."""

    path = "/../run/{model:@cf/(?:myshell-ai|deepgram)/.+}"

    def read(self, call: Call) -> Asked:
        """What is asked, by the model's own names."""
        body = json_object(call)
        require_types(body, {"prompt": str, "lang": str, "text": str, "speaker": str})
        model = call.match["model"]
        return self.asked_of(model, body.get("text" if "aura" in model else "prompt"), "mp3", body)

    def whole(self, asked: Asked, answer: Answer, deviations: Deviations) -> bytes:
        """By the model."""
        sound = super().whole(asked, answer, deviations)
        if "aura" in asked.model:
            return sound
        result = {"audio": b64encode(sound).decode()}
        return orjson.dumps({"result": result, "success": True, "errors": [], "messages": []})


class GeminiSpeech(Speech):
    """POST /models/{model}:generateContent of models that speak: samples in a part."""

    path = "/models/{model:[^:]*tts[^:]*}:generateContent"
    line_end = b"\r\n"

    def read(self, call: Call) -> Asked:
        """What is asked. Raises Refused where no audio is."""
        body = json_object(call)
        require_types(body, {"contents": list, "generationConfig": dict})
        config = body.get("generationConfig") or {}
        if config.get("responseModalities") != ["AUDIO"]:
            raise Refused(
                Problem(
                    status=400, message="The requested combination of response modalities is not supported"
                )
            )
        text = body["contents"][0]["parts"][0].get("text")
        return self.asked_of(call.match["model"], text, "pcm", body)

    def whole(self, asked: Asked, answer: Answer, deviations: Deviations) -> bytes:
        """A GenerateContentResponse."""
        if answer.choices[0].finish == "content_filter":
            return orjson.dumps({"candidates": [{"finishReason": "SAFETY"}], "usageMetadata": {}})
        data = b64encode(super().whole(asked, answer, deviations)).decode()
        part = {"inlineData": {"mimeType": f"audio/L16;codec=pcm;rate={RATE}", "data": data}}
        usage = {"promptTokenCount": asked.prompt_tokens, "candidatesTokenCount": 50, "totalTokenCount": 50}
        candidate = {"content": {"parts": [part], "role": "model"}, "finishReason": "STOP"}
        return orjson.dumps({"candidates": [candidate], "usageMetadata": usage})
