"""Code that is ready to paste, for a client key: of the clients whose wire this server speaks."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from django.conf import settings
from django.http import HttpRequest

from apps.clients.models import ClientKey

KEY: Final = "{KEY}"
"""Where the key stands in a text; pages show it cut there, and copy it whole."""
DEFAULT_MODEL: Final = "freeai-auto"

CURL: Final = """curl {URL}/chat/completions \\
  -H "Authorization: Bearer {KEY}" \\
  -H "Content-Type: application/json" \\
  -d '{"model": "{MODEL}", "messages": [{"role": "user", "content": "Hello!"}]}'"""
PYTHON: Final = """from openai import OpenAI

client = OpenAI(
    base_url="{URL}",
    api_key="{KEY}",
)
answer = client.chat.completions.create(
    model="{MODEL}",
    messages=[{"role": "user", "content": "Hello!"}],
)
print(answer.choices[0].message.content, "from", answer.provider)"""
NODE: Final = """import OpenAI from "openai";

const client = new OpenAI({ baseURL: "{URL}", apiKey: "{KEY}" });
const answer = await client.chat.completions.create({
  model: "{MODEL}",
  messages: [{ role: "user", content: "Hello!" }],
});
console.log(answer.choices[0].message.content, answer.provider);"""
LANGCHAIN: Final = """from langchain_openai import ChatOpenAI

chat = ChatOpenAI(
    base_url="{URL}",
    api_key="{KEY}",
    model="{MODEL}",
    stream_usage=True,
)
print(chat.invoke("Hello!").content)"""
ENVIRONMENT: Final = """OPENAI_BASE_URL={URL}
OPENAI_API_KEY={KEY}
OPENAI_MODEL={MODEL}"""
OPEN_WEBUI: Final = """docker run -d -p 3000:8080 \\
  -e OPENAI_API_BASE_URL={URL} \\
  -e OPENAI_API_KEY={KEY} \\
  -v open-webui:/app/backend/data ghcr.io/open-webui/open-webui:main"""
CLAUDE_CODE: Final = """export ANTHROPIC_BASE_URL={ROOT}
export ANTHROPIC_AUTH_TOKEN={KEY}
export ANTHROPIC_MODEL={MODEL}
export ANTHROPIC_DEFAULT_HAIKU_MODEL={MODEL}
claude"""
CODEX: Final = """# in ~/.codex/config.toml; start it as: FREEAI_KEY={KEY} codex
model = "{MODEL}"
model_provider = "freeai"

[model_providers.freeai]
name = "FreeAI"
base_url = "{URL}"
env_key = "FREEAI_KEY"
wire_api = "responses"
"""
TEXTS: Final = {
    "curl": CURL,
    "Python": PYTHON,
    "Node": NODE,
    "LangChain": LANGCHAIN,
    "Environment": ENVIRONMENT,
    "Claude Code": CLAUDE_CODE,
    "Codex": CODEX,
    "Open WebUI": OPEN_WEBUI,
}


class Snippet(NamedTuple):
    """`parts`: the text, cut where the key stands."""

    name: str
    parts: Sequence[str]


def snippets_for(request: HttpRequest, key: ClientKey) -> list[Snippet]:
    """With this server's address, and a model that the key may use."""
    root = server_url(request)
    url = f"{root}/v1"
    model = next(iter(key.allowed_models), DEFAULT_MODEL)
    return [
        Snippet(name, text.replace("{ROOT}", root).replace("{URL}", url).replace("{MODEL}", model).split(KEY))
        for name, text in TEXTS.items()
    ]


def server_url(request: HttpRequest) -> str:
    """The one that the operator named, else the one that the browser used."""
    return str(settings.PUBLIC_URL or request.build_absolute_uri("/")).rstrip("/")
