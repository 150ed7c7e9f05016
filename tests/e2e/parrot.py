"""An upstream that repeats the key and the prompt in whatever it answers."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson

from tests.e2e.canaries import ANSWER

KEY_HEADERS = ("authorization", "x-goog-api-key", "api-key", "x-api-key")
HALF = 20
REPEATED_IN = (
    "retry-after",
    "x-ratelimit-reset-requests",
    "x-request-id",
    "www-authenticate",
    "x-should-retry",
)


@contextmanager
def parrot() -> Iterator[str]:
    """Its origin. `/STATUS/…` answers with that status, `/stream/…` with an event stream that ends in an error, `/answer/…` with an answer
    that holds ANSWER everywhere."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Parrot) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_address[1]}"
        listening.shutdown()


class _Parrot(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        sent = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode("utf-8", "replace")
        keys = [self.headers[name] for name in KEY_HEADERS if self.headers[name]]
        bare = keys[0].removeprefix("Bearer ") if keys else ""
        said = f"Incorrect key {keys} for {sent}. It begins with {bare[:HALF]} and ends with {bare[-HALF:]}"
        how = self.path.split("/")[1]
        if how == "answer":
            self._send(200, "application/json", orjson.dumps(_answer()))
        elif how == "stream":
            self._send(200, "text/event-stream", _stream(said))
        else:
            self._send(int(how), "application/json", orjson.dumps(_error(said)), said)

    def _send(self, status: int, kind: str, body: bytes, said: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Location", "http://127.0.0.1:1/")
        for name in REPEATED_IN if said else ():
            self.send_header(name, re.sub(r"[^ -~]", " ", said)[:1000])
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


def _error(said: str) -> dict[str, Any]:
    """In the words of OpenAI and of Google at once, and of those who say `detail` or `message`."""
    details = [
        {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": said, "metadata": {"key": said}}
    ]
    error = {"message": said, "type": said, "code": said, "param": said, "status": said, "details": details}
    return {"error": error, "message": said, "detail": said, "errors": [{"message": said, "code": 1}]}


def _answer() -> dict[str, Any]:
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "weather", "arguments": f'{{"city": "{ANSWER}"}}'},
    }
    message = {"role": "assistant", "content": ANSWER, "reasoning_content": ANSWER, "tool_calls": [call]}
    return {
        "id": ANSWER,
        "object": "chat.completion",
        "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}],
        "text": ANSWER,
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }


def _stream(said: str) -> bytes:
    first = {"id": "1", "choices": [{"index": 0, "delta": {"content": ANSWER}, "finish_reason": None}]}
    return b"".join(b"data: " + orjson.dumps(each) + b"\n\n" for each in (first, _error(said)))
