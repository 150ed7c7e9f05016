"""A lenient OpenAI-compatible server: no strict rules, no rate-limit headers. For benchmarks."""

from __future__ import annotations

from fakes.families.dialect import Dialect
from fakes.families.embeddings import OpenAIEmbeddings
from fakes.families.images import ImageEdits, Images
from fakes.families.listing import ModelList
from fakes.families.moderations import Moderations
from fakes.families.openai import OpenAIChat
from fakes.families.speech import Speech
from fakes.families.transcriptions import Transcriptions, Translations

from .base import Upstream, error_event, models_document
from .image_rules import check_openai as check_images
from .speech_rules import check_openai as check_speech
from .task_rules import check_openai_embeddings

MODELS = models_document(
    {"id": "gpt-4o-mini", "owned_by": "openai"},
    {"id": "text-embedding-3-small", "owned_by": "openai"},
)

OPENAI = Upstream(
    slug="openai",
    caches_prompts=True,
    base_path="/v1",
    families=(
        OpenAIChat(Dialect(extras={"system_fingerprint": "fp_fake"})),
        OpenAIEmbeddings(),
        Transcriptions(),
        Translations(),
        Moderations(),
        Speech(),
        Images(),
        ImageEdits(),
        ModelList(MODELS),
    ),
    checks={"embeddings": check_openai_embeddings, "images": check_images, "speech": check_speech},
    stream_error=error_event(
        {
            "error": {
                "message": "The server had an error.",
                "type": "server_error",
                "param": None,
                "code": None,
            }
        }
    ),
)
