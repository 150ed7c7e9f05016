"""A reader of response streams that trusts nothing: which event may come in which state, and with what. It ends with the response."""

from typing import Any

import orjson

ENDS = {
    "response.completed": "completed",
    "response.incomplete": "incomplete",
    "response.failed": "failed",
}
GROWING = {
    "response.function_call_arguments": ("function_call", "arguments"),
    "response.custom_tool_call_input": ("custom_tool_call", "input"),
}
EMPTY: dict[str, dict[str, Any]] = {
    "message": {"status": "in_progress", "role": "assistant", "content": []},
    "reasoning": {"summary": [], "encrypted_content": None},
    "function_call": {"status": "in_progress", "arguments": ""},
    "custom_tool_call": {"status": "in_progress", "input": ""},
}
REQUIRED = {
    *(
        "id",
        "object",
        "created_at",
        "status",
        "error",
        "incomplete_details",
        "instructions",
        "metadata",
        "model",
    ),
    *("output", "parallel_tool_calls", "previous_response_id", "reasoning", "store", "temperature", "text"),
    *("tool_choice", "tools", "top_p", "truncation", "max_output_tokens", "user", "usage"),
}
USAGE = {"input_tokens", "input_tokens_details", "output_tokens", "output_tokens_details", "total_tokens"}


class Reader:
    """States of the stream: before, created, under way, over. Of each item: open, then done; of its part: none, open, its text done."""

    def __init__(self) -> None:
        self.state = "before"
        self.kinds: list[str] = []
        self.response: dict[str, Any] = {}
        self.items: list[dict[str, Any]] = []
        self.done: dict[int, dict[str, Any]] = {}
        self.parts: dict[int, str] = {}
        self.texts: dict[int, str] = {}

    def read(self, body: bytes) -> "Reader":
        """All of a stream. Comments are no events."""
        assert body.endswith(b"\n\n"), body[-80:]
        for frame in body.decode().split("\n\n")[:-1]:
            if frame.startswith(":"):
                assert self.state != "over"
                continue
            name, data = frame.split("\n")
            event = orjson.loads(data.removeprefix("data: "))
            assert name == f"event: {event['type']}"
            assert event.pop("sequence_number") == len(self.kinds)
            self.kinds.append(event["type"])
            self._take(event.pop("type"), event)
        assert self.state == "over"
        return self

    def _take(self, kind: str, event: dict[str, Any]) -> None:
        assert self.state != "over", f"{kind} behind the end"
        if kind in ENDS:
            self._end(ENDS[kind], **event)
        elif kind in ("response.created", "response.in_progress"):
            assert self.state == ("before" if kind == "response.created" else "created")
            self.state = "created" if self.state == "before" else "under way"
            self._begun(**event)
        else:
            assert self.state == "under way"
            stem, _, word = kind.rpartition(".")
            if stem in GROWING:
                self._grow(*GROWING[stem], word, event)
            else:
                getattr(self, kind.removeprefix("response.").replace(".", "_"))(**event)

    def _begun(self, response: dict[str, Any]) -> None:
        assert response.keys() >= REQUIRED
        assert (response["object"], response["status"]) == ("response", "in_progress")
        assert (response["output"], response["error"], response["usage"]) == ([], None, None)
        assert response["id"].startswith("resp_")
        self.response = response

    def _end(self, status: str, response: dict[str, Any]) -> None:
        assert self.state == "under way"
        assert response.keys() >= REQUIRED
        assert response["status"] == status
        assert response["id"] == self.response["id"]
        assert (response["error"] is not None) == (status == "failed")
        assert (response["incomplete_details"] is not None) == (status == "incomplete")
        if status == "failed":
            assert response["error"]["code"] and response["error"]["message"]
            assert len(response["output"]) == len(self.items)
        else:
            assert response["usage"].keys() >= USAGE
            assert set(self.done) == set(range(len(self.items)))
            assert response["output"] == [self.done[at] for at in range(len(self.items))]
        self.response, self.state = response, "over"

    def output_item_added(self, output_index: int, item: dict[str, Any]) -> None:
        assert output_index == len(self.items)
        assert item["id"] not in [each["id"] for each in self.items]
        empty = EMPTY[item["type"]]
        assert item.items() >= empty.items()
        if item["type"].endswith("_call"):
            assert item["call_id"]
            assert item["name"]
        self.items.append(item)
        self.texts[output_index] = ""

    def output_item_done(self, output_index: int, item: dict[str, Any]) -> None:
        added = self._open(output_index, item["id"])
        assert self.parts.get(output_index, "none") == "none", "its part is open"
        same = {"id", "type", "call_id", "name", "namespace", "role"}
        assert {name: item.get(name) for name in same} == {name: added.get(name) for name in same}
        match item["type"]:
            case "message":
                assert item["status"] in ("completed", "incomplete")
                assert item["content"] == added["content"]
            case "reasoning":
                assert item["summary"] == added["summary"]
            case "function_call":
                assert (item["arguments"], item["status"] != "in_progress") == (
                    self.texts[output_index],
                    True,
                )
            case "custom_tool_call":
                assert (item["input"], item["status"] != "in_progress") == (self.texts[output_index], True)
        self.done[output_index] = item

    def _open(self, output_index: int, item_id: str, *types: str) -> dict[str, Any]:
        """The item, which must be open."""
        item = self.items[output_index]
        assert item["id"] == item_id
        assert output_index not in self.done, "behind its end"
        assert not types or item["type"] in types
        return item

    def content_part_added(self, item_id: str, output_index: int, content_index: int, part: dict[str, Any]):
        item = self._open(output_index, item_id, "message")
        assert self.parts.get(output_index, "none") == "none"
        assert content_index == len(item["content"])
        text = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
        assert part in (text, {"type": "refusal", "refusal": ""})
        item["content"].append(part)
        self.parts[output_index], self.texts[output_index] = "open", ""

    def content_part_done(self, item_id: str, output_index: int, content_index: int, part: dict[str, Any]):
        item = self._open(output_index, item_id, "message")
        assert self.parts[output_index] == "text done"
        assert content_index == len(item["content"]) - 1
        assert part[self._field(part)] == self.texts[output_index]
        item["content"][-1], self.parts[output_index] = part, "none"

    def _field(self, part: dict[str, Any]) -> str:
        return "refusal" if part["type"] == "refusal" else "text"

    def _say(self, kind: str, output_index: int, item_id: str, content_index: int, delta: str) -> None:
        item = self._open(output_index, item_id, "message")
        assert (self.parts[output_index], item["content"][-1]["type"]) == ("open", kind)
        assert content_index == len(item["content"]) - 1
        self.texts[output_index] += delta

    def output_text_delta(self, logprobs: list[Any], **event: Any) -> None:
        self._say("output_text", **event)

    def refusal_delta(self, **event: Any) -> None:
        self._say("refusal", **event)

    def output_text_done(self, text: str, logprobs: list[Any], **event: Any) -> None:
        self._said("output_text", text, **event)

    def refusal_done(self, refusal: str, **event: Any) -> None:
        self._said("refusal", refusal, **event)

    def _said(self, kind: str, text: str, **event: Any) -> None:
        self._say(kind, delta="", **event)
        assert text == self.texts[event["output_index"]]
        self.parts[event["output_index"]] = "text done"

    def reasoning_summary_part_added(
        self, item_id: str, output_index: int, summary_index: int, part: dict[str, Any]
    ) -> None:
        item = self._open(output_index, item_id, "reasoning")
        assert (summary_index, part) == (len(item["summary"]), {"type": "summary_text", "text": ""})
        item["summary"].append(part)
        self.parts[output_index] = "open"

    def reasoning_summary_text_delta(self, item_id: str, output_index: int, summary_index: int, delta: str):
        self._open(output_index, item_id, "reasoning")
        assert (self.parts[output_index], summary_index) == ("open", 0)
        self.texts[output_index] += delta

    def reasoning_summary_text_done(self, item_id: str, output_index: int, summary_index: int, text: str):
        self.reasoning_summary_text_delta(item_id, output_index, summary_index, "")
        assert text == self.texts[output_index]
        self.parts[output_index] = "text done"

    def reasoning_summary_part_done(
        self, item_id: str, output_index: int, summary_index: int, part: dict[str, Any]
    ) -> None:
        item = self._open(output_index, item_id, "reasoning")
        assert (self.parts[output_index], summary_index) == ("text done", 0)
        assert part == {"type": "summary_text", "text": self.texts[output_index]}
        item["summary"], self.parts[output_index] = [part], "none"

    def _grow(self, kind: str, field: str, word: str, event: dict[str, Any]) -> None:
        """Of a call's arguments, or input."""
        item = self._open(event["output_index"], event["item_id"], kind)
        if word == "delta":
            assert self.parts.get(event["output_index"]) != "text done"
            self.texts[event["output_index"]] += event["delta"]
        else:
            assert word == "done"
            assert event[field] == self.texts[event["output_index"]]
            assert event.get("name", item["name"]) == item["name"]
