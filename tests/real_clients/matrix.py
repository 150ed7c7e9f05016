"""Which clients are run, and what each of them is to do: rows and columns of the table of docs/CLIENTS.md."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

ROOM: Final = Path(__file__).parent
PROGRAMS: Final = ROOM / "programs"
CELLS: Final = (
    "text",
    "stream",
    "tools",
    "streamed tools",
    "structured",
    "image",
    "errors",
    "retries",
    "leaving",
    "rerank",
    "failures",
)
"""`stream` with its usage; `tools` two at once, and their results; `errors` as the client's own exceptions; `retries` by the client
itself; `leaving` in the middle of a stream; `rerank` is what the client of a reranker is for; `failures` of
providers in the middle of an agent's task (`drill`)."""
PROVIDERS: Final = ("groq", "gemini", "mistral", "cohere")
"""At whose strict fakes each cell is filled, one after the other."""

State = Literal["yes", "no", "absent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A row. `needs`: the folder of `environments` in which it is installed, or a program of the system's. `program`: a file of
    `programs`. `asks`: the paths that it asks. `providers`: where it can only be tried at some. `task`: what its models do."""

    name: str
    title: str
    asks: str
    needs: str
    program: str
    providers: tuple[str, ...] = PROVIDERS
    task: str = "chat"


@dataclass(slots=True, kw_only=True)
class Row:
    """What came of a client. `missing`: why it could not be run, "" where it was. `cells`: "" where it is well, else what went wrong."""

    client: Client
    version: str = ""
    missing: str = ""
    cells: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def red(self) -> Mapping[str, str]:
        """The cells that are not well, with what went wrong."""
        return {cell: words for cell, words in self.cells.items() if words}


def _python(name: str, title: str, asks: str, needs: str, program: str) -> Client:
    return Client(name=name, title=title, asks=asks, needs=needs, program=f"python/{program}.py")


def _node(name: str, title: str, asks: str, program: str) -> Client:
    return Client(name=name, title=title, asks=asks, needs="node", program=f"node/{program}.mjs")


def _agent(name: str, title: str, asks: str, needs: str, providers: tuple[str, ...] = PROVIDERS) -> Client:
    program = f"other/{name}.sh"
    return Client(name=name, title=title, asks=asks, needs=needs, program=program, providers=providers)


CHAT, RESPONSES, MESSAGES = "/v1/chat/completions", "/v1/responses", "/v1/messages"
RERANK = "/v2/rerank"
ONE: Final = PROVIDERS[:1]
"""For clients that take long to start, and whose wire others show at every provider."""
RERANKERS: Final = ("cohere",)
CONTENTS, LINES = ":generateContent", "/ollama/api/chat"
CLIENTS: Final = (
    Client(name="curl", title="curl", asks=CHAT, needs="curl", program="other/curl.sh"),
    Client(name="jdk", title="HTTP client of the JDK", asks=CHAT, needs="java", program="other/Jdk.java"),
    _python("python-openai", "openai for Python", CHAT, "vendors", "openai_chat"),
    _python("python-openai-responses", "openai for Python", RESPONSES, "vendors", "openai_responses"),
    _node("node-openai", "openai for Node", CHAT, "openai_chat"),
    _node("node-openai-responses", "openai for Node", RESPONSES, "openai_responses"),
    _python("python-anthropic", "anthropic for Python", MESSAGES, "vendors", "anthropic_messages"),
    _python("python-google-genai", "google-genai for Python", CONTENTS, "vendors", "google_genai"),
    _node("node-google-genai", "@google/genai", CONTENTS, "google_genai"),
    _python("python-ollama", "ollama for Python", LINES, "vendors", "ollama_chat"),
    _node("node-ollama", "ollama for Node", LINES, "ollama_chat"),
    _node("node-anthropic", "anthropic for Node", MESSAGES, "anthropic_messages"),
    Client(
        name="python-cohere",
        title="cohere for Python",
        asks=RERANK,
        needs="vendors",
        program="python/cohere_rerank.py",
        providers=RERANKERS,
        task="rerank",
    ),
    Client(
        name="node-cohere",
        title="cohere for Node",
        asks=RERANK,
        needs="node",
        program="node/cohere_rerank.mjs",
        providers=RERANKERS,
        task="rerank",
    ),
    _python("python-openai-agents", "OpenAI Agents SDK", RESPONSES, "frameworks", "openai_agents"),
    _python("python-langchain-openai", "langchain-openai for Python", CHAT, "frameworks", "langchain_chat"),
    _python(
        "python-langchain-anthropic",
        "langchain-anthropic for Python",
        MESSAGES,
        "frameworks",
        "langchain_chat",
    ),
    _node("node-langchain", "@langchain/openai", CHAT, "langchain_chat"),
    _python("python-pydantic-ai", "pydantic-ai", CHAT, "frameworks", "pydantic_ai_chat"),
    _python("python-instructor", "instructor", CHAT, "frameworks", "instructor_chat"),
    _python("python-llamaindex", "LlamaIndex, openai-like", CHAT, "llamaindex", "llamaindex_chat"),
    _python("python-litellm", "LiteLLM, as a library", CHAT, "litellm", "litellm_chat"),
    _node("ai-sdk-compatible", "Vercel AI SDK, openai-compatible", CHAT, "ai_sdk"),
    _node("ai-sdk-responses", "Vercel AI SDK, openai", RESPONSES, "ai_sdk"),
    _node("ai-sdk-messages", "Vercel AI SDK, anthropic", MESSAGES, "ai_sdk"),
    _agent("codex", "Codex", RESPONSES, "agents"),
    _agent("claude", "Claude Code", MESSAGES, "agents"),
    _agent("gemini", "gemini-cli", CONTENTS, "agents"),
    _agent("opencode", "opencode", CHAT, "agents", ONE),
    _agent("qwen", "qwen-code", CHAT, "agents", ONE),
    _agent("aider", "aider", CHAT, "aider", ONE),
)
