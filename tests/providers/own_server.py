"""A server of OpenAI's dialect on loopback that does what a test says it can, and takes the other fields in silence."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

CAN_ALL = frozenset({"tools", "forced_tools", "json_schema", "vision"})
CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "get_weather", "arguments": '{"city": "Oslo"}'},
}


class OwnServer:
    """`models`: the entries that it lists; `can`: what it does; `refuses`: a status for everything, 0 for none."""

    def __init__(self) -> None:
        self.models: list[dict[str, Any]] = [{"id": "lab-model", "max_model_len": 65_536}, {"id": "bge-m3"}]
        self.can = CAN_ALL
        self.refuses = 0
        self.words = "no"
        self.asked: list[tuple[str, Mapping[str, Any], str]] = []
        self.url = ""

    def answer(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """A chat completion."""
        message: dict[str, Any] = {"role": "assistant", "content": "Hello."}
        wants = (
            "forced_tools" if body.get("tool_choice") == "required" else "tools" if body.get("tools") else ""
        )
        if wants in self.can:
            message |= {"content": None, "tool_calls": [CALL]}
        if body.get("response_format") and "json_schema" in self.can:
            message["content"] = '{"number": 7}'
        if isinstance(body["messages"][0]["content"], list) and "vision" in self.can:
            message["content"] = "Red."
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 4, "completion_tokens": 2, "total_tokens": 6}
        return {"id": "c1", "object": "chat.completion", "choices": [choice], "usage": usage}


class _Handler(BaseHTTPRequestHandler):
    server_of: ClassVar[OwnServer]

    def do_GET(self) -> None:
        self._send({"object": "list", "data": self.server_of.models})
        self.server_of.asked.append(("GET", {}, self.headers.get("authorization", "")))

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server_of.asked.append(("POST", body, self.headers.get("authorization", "")))
        if self.server_of.refuses or not body.get("stream"):
            return self._send(self.server_of.answer(body))
        chunks = [
            {"choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": None}]},
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": {"total_tokens": 5}},
        ]
        events = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks] + ["data: [DONE]\n\n"]
        return self._write("".join(events).encode(), "text/event-stream")

    def _send(self, document: Mapping[str, Any]) -> None:
        if self.server_of.refuses:
            document = {"error": {"message": self.server_of.words}}
        self._write(json.dumps(document).encode(), "application/json")

    def _write(self, body: bytes, kind: str) -> None:
        self.send_response(self.server_of.refuses or 200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@contextmanager
def serving() -> Iterator[OwnServer]:
    """One, for as long as it is needed."""
    own = OwnServer()
    handler = type("Handler", (_Handler,), {"server_of": own})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        own.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield own
        server.shutdown()
        thread.join(5)
