"""Gemini has no transcription endpoint: a chat model that hears is asked to write down what it heard.

Text only: times that a chat model names are made up.
"""

from base64 import b64encode

from apps.core.json_types import JSONObject
from apps.providers.adapters.contract import TranscriptionCodec
from apps.providers.adapters.gemini.chat.request import build_chat
from apps.providers.adapters.gemini.chat.response import parse_chat
from apps.providers.demands.transcription import Transcript, TranscriptionRequest
from apps.providers.types import ChatRequest, Offer, UpstreamRequest
from apps.providers.verdict import judge_result

INSTRUCTION = (
    "Transcribe the speech in this audio word for word. Answer with the transcript alone: no comments, no timestamps, no speaker"
    " names. If nothing is said, answer with an empty text."
)


TRANSLATION = (
    "Translate the speech in this audio into English, sentence by sentence and completely. Answer with the translation alone: no"
    " comments, no timestamps, no speaker names. If nothing is said, answer with an empty text."
)


def build(request: TranscriptionRequest, offer: Offer) -> UpstreamRequest:
    wanted = [TRANSLATION if request.into_english else INSTRUCTION]
    if request.language:
        wanted.append(f"The speech is in the language with the ISO 639-1 code {request.language}.")
    if request.prompt:
        wanted.append(f"Spellings and context that may help: {request.prompt}")
    sound = {"data": b64encode(request.audio).decode("ascii"), "format": request.format}
    content = [{"type": "text", "text": "\n".join(wanted)}, {"type": "input_audio", "input_audio": sound}]
    body: JSONObject = {
        "messages": [{"role": "user", "content": content}],
        "temperature": request.temperature or 0.0,
        "reasoning_effort": "none",
    }
    return build_chat(ChatRequest(model=None, body=body), offer)


def parse(body: bytes, offer: Offer) -> Transcript:
    result = judge_result(parse_chat(body, offer))
    text = result.choices[0]["message"].get("content") or ""
    return Transcript(text=text.strip(), usage=result.usage)


def sends(name: str, request: TranscriptionRequest) -> bool:
    return name in ("language", "prompt", "temperature")


CODEC = TranscriptionCodec(build=build, parse=parse, sends=sends, by_chat=True, translates=True)
