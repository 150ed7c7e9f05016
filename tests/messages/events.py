"""A reader of message streams that trusts nothing: which event may come in which state, and with what. It ends with the message."""

from typing import Any

import orjson

DELTAS = {
    "text": {"text_delta": "text"},
    "thinking": {"thinking_delta": "thinking", "signature_delta": "signature"},
    "tool_use": {"input_json_delta": "partial_json"},
}
EMPTY: dict[str, dict[str, Any]] = {
    "text": {"text": ""},
    "thinking": {"thinking": "", "signature": ""},
    "tool_use": {"input": {}},
}


class Reader:
    """States: before, between, in a block, after the delta, over. `error`: of a stream that ended with one."""

    def __init__(self) -> None:
        self.state = "before"
        self.message: dict[str, Any] = {}
        self.error: dict[str, Any] | None = None
        self.kinds: list[str] = []
        self._json = ""
        self._signed = False

    def read(self, body: bytes) -> "Reader":
        """All of a stream. Comments are no events."""
        assert body.endswith(b"\n\n"), body[-80:]
        for frame in body.decode().split("\n\n")[:-1]:
            if frame.startswith(":"):
                assert self.state == "before"
                continue
            name, data = frame.split("\n")
            event = orjson.loads(data.removeprefix("data: "))
            assert name == f"event: {event['type']}"
            self.kinds.append(event["type"])
            self._take(event)
        assert self.state == "over"
        return self

    def _take(self, event: dict[str, Any]) -> None:
        kind = event.pop("type")
        if kind == "error":
            assert self.state != "over"
            assert set(event) == {"error", "request_id"}
            self.error, self.state = event["error"], "over"
            return
        getattr(self, f"_{kind}")(event)

    def _ping(self, event: dict[str, Any]) -> None:
        assert (event, self.state in ("before", "over")) == ({}, False)

    def _message_start(self, event: dict[str, Any]) -> None:
        assert self.state == "before"
        message = event["message"]
        assert (message["type"], message["role"], message["content"]) == ("message", "assistant", [])
        assert message["stop_reason"] is message["stop_sequence"] is None
        assert message["usage"]["input_tokens"] >= 0
        assert message["usage"]["output_tokens"] >= 0
        self.message, self.state = message, "between"

    def _content_block_start(self, event: dict[str, Any]) -> None:
        assert self.state == "between"
        assert event["index"] == len(self.message["content"])
        block: dict[str, Any] = event["content_block"]
        empty = EMPTY[block["type"]]
        assert block.items() >= empty.items()
        assert block["type"] != "tool_use" or (block["id"] and block["name"])
        self.message["content"].append(dict(block))
        self._json, self._signed, self.state = "", False, "in a block"

    def _content_block_delta(self, event: dict[str, Any]) -> None:
        assert self.state == "in a block"
        assert event["index"] == len(self.message["content"]) - 1
        block, delta = self.message["content"][-1], event["delta"]
        field = DELTAS[block["type"]][delta["type"]]
        assert delta[field] or field != "signature"
        assert not self._signed, "nothing behind a signature"
        self._signed = field == "signature"
        if field == "partial_json":
            self._json += delta[field]
        else:
            block[field] += delta[field]

    def _content_block_stop(self, event: dict[str, Any]) -> None:
        assert self.state == "in a block"
        assert event == {"index": len(self.message["content"]) - 1}
        block = self.message["content"][-1]
        if block["type"] == "tool_use" and self._json:
            block["input"] = orjson.loads(self._json)
            assert isinstance(block["input"], dict)
        assert block["type"] != "thinking" or self._signed
        self.state = "between"

    def _message_delta(self, event: dict[str, Any]) -> None:
        assert self.state == "between"
        assert event["delta"].keys() == {"stop_reason", "stop_sequence"}
        assert event["usage"].keys() >= {"input_tokens", "output_tokens", "cache_read_input_tokens"}
        self.message |= event.pop("delta")
        self.message |= event
        self.state = "after the delta"

    def _message_stop(self, event: dict[str, Any]) -> None:
        assert (event, self.state) == ({}, "after the delta")
        self.state = "over"
