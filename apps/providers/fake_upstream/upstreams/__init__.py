"""The providers that can be faked, by slug."""

from __future__ import annotations

from .base import Upstream
from .cerebras import CEREBRAS
from .gemini import GEMINI
from .groq import GROQ
from .huggingface import HUGGINGFACE
from .mistral import MISTRAL
from .openai import OPENAI
from .openrouter import OPENROUTER

UPSTREAMS: dict[str, Upstream] = {
    upstream.slug: upstream for upstream in (OPENAI, GROQ, MISTRAL, CEREBRAS, OPENROUTER, HUGGINGFACE, GEMINI)
}
