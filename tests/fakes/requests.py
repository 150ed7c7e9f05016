"""Requests to the fake upstream in each wire, and its answers in a form that can be compared."""

from __future__ import annotations

from typing import Any

import orjson

# Whose model list answers without a key: it is public, or the server asks for none.
PUBLIC_LISTS = {"openrouter", "huggingface", "ollama", "lmstudio", "vllm", "llamacpp"}
KEYS = {"Authorization": "Bearer test-key", "x-goog-api-key": "test-key"}


def ask(fake, provider, model, *, stream=False, **body: Any) -> tuple[str, dict[str, Any]]:
    """URL and JSON body of a chat request in the provider's wire."""
    if provider == "gemini":
        action = "streamGenerateContent?alt=sse" if stream else "generateContent"
        contents = [{"role": "user", "parts": [{"text": "Grüße\nan alle"}]}]
        config = {"thinkingConfig": {"includeThoughts": True}}
        return f"{fake.url(provider)}/models/{model}:{action}", {
            "contents": contents,
            "generationConfig": config,
            **body,
        }
    path = "chat" if provider == "cohere" else "chat/completions"
    body = {
        "model": model,
        "messages": [{"role": "user", "content": "Grüße\nan alle"}],
        "stream": stream,
        **body,
    }
    if stream and provider not in ("mistral", "cohere"):
        body["stream_options"] = {"include_usage": True}
    return f"{fake.url(provider)}/{path}", body


async def send(http, fake, provider, model, *, stream=False, **body):
    url, document = ask(fake, provider, model, stream=stream, **body)
    async with http.post(url, json=document) as response:
        return response, await response.read()


def frames(raw: bytes) -> list[dict[str, Any]]:
    """The JSON objects of a stream; malformed frames are left out."""
    datas = [line[6:] for line in raw.replace(b"\r\n", b"\n").split(b"\n") if line.startswith(b"data: ")]
    documents = []
    for data in datas:
        try:
            documents.append(orjson.loads(data))
        except orjson.JSONDecodeError:
            continue
    return documents


def openai_whole(document) -> dict[str, Any]:
    choice = document["choices"][0]
    message = choice["message"]
    content = message["content"]
    thinking = ""
    if isinstance(content, list):
        thinking, content = content[0]["thinking"][0]["text"], content[1]["text"]
    calls = [(call.get("id"), call["function"]) for call in message.get("tool_calls", [])]
    reasoning = message.get("reasoning_content") or message.get("reasoning") or thinking
    return {
        "text": content or "",
        "reasoning": reasoning,
        "calls": calls,
        "finish": choice["finish_reason"],
        "usage": document.get("usage"),
    }


def openai_joined(documents) -> dict[str, Any]:
    joined: dict[str, Any] = {"text": "", "reasoning": "", "finish": None, "usage": None}
    calls: dict[int, dict[str, Any]] = {}
    for document in documents:
        joined["usage"] = document.get("usage") or joined["usage"]
        for choice in document["choices"]:
            delta = choice["delta"]
            content = delta.get("content") or ""
            if isinstance(content, list):
                joined["reasoning"] += content[0]["thinking"][0]["text"]
            else:
                joined["text"] += content
            joined["reasoning"] += delta.get("reasoning_content") or delta.get("reasoning") or ""
            for position, part in enumerate(delta.get("tool_calls", [])):
                call = calls.setdefault(part.get("index", position), {"id": None, "function": None})
                call["id"] = part.get("id") or call["id"]
                if call["function"] is None:
                    call["function"] = part["function"]
                else:
                    call["function"]["arguments"] += part["function"]["arguments"]
            joined["finish"] = choice["finish_reason"] or joined["finish"]
    joined["calls"] = [(call["id"], call["function"]) for _, call in sorted(calls.items())]
    return joined


def gemini_joined(documents) -> dict[str, Any]:
    joined: dict[str, Any] = {"text": "", "thoughts": "", "calls": [], "finish": None, "usage": None}
    for document in documents:
        joined["usage"] = document.get("usageMetadata")
        joined["blocked"] = document.get("promptFeedback")
        for candidate in document.get("candidates", []):
            for part in candidate.get("content", {}).get("parts", []):
                if "functionCall" in part:
                    joined["calls"].append(part)
                else:
                    joined["thoughts" if part.get("thought") else "text"] += part["text"]
            joined["finish"] = candidate.get("finishReason", joined["finish"])
    return joined
