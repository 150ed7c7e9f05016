"""The providers that can be faked, by slug."""

from __future__ import annotations

from .base import Upstream
from .cerebras import CEREBRAS
from .cloudflare import CLOUDFLARE
from .cohere import COHERE
from .gemini import GEMINI
from .github import GITHUB
from .groq import GROQ
from .huggingface import HUGGINGFACE
from .local import LLAMACPP, LMSTUDIO, VLLM
from .mistral import MISTRAL
from .nvidia import NVIDIA
from .ollama import OLLAMA, OLLAMA_CLOUD
from .openai import OPENAI
from .openrouter import OPENROUTER
from .sambanova import SAMBANOVA
from .together import TOGETHER
from .zai import ZAI

UPSTREAMS: dict[str, Upstream] = {
    upstream.slug: upstream
    for upstream in (
        *(OPENAI, GROQ, MISTRAL, CEREBRAS, OPENROUTER, HUGGINGFACE, GEMINI, COHERE),
        *(GITHUB, NVIDIA, CLOUDFLARE, SAMBANOVA, TOGETHER, ZAI),
        *(OLLAMA, OLLAMA_CLOUD, LMSTUDIO, VLLM, LLAMACPP),
    )
}
