"""What providers refuse of embeddings and transcriptions."""

from __future__ import annotations

from fakes.answers import CHARS_PER_TOKEN, Asked
from fakes.behaviours import behaviour_of_model
from fakes.faults import Problem, Refused

from .base import invalid, names
from .gemini_schema import unknown_name

_GROQ_FORMATS = names("flac mp3 mp4 mpeg mpga m4a ogg opus wav webm")
_COHERE_FORMATS = names("flac mp3 mpeg mpga ogg wav")
_COHERE_INPUT_TYPES = names("search_document search_query classification clustering image")
_COHERE_DIMENSIONS = (0, 256, 512, 1024, 1536)
_MISTRAL_MODELS = names("mistral-embed codestral-embed")
_MISTRAL_EMBEDDING_KEYS = names("model input output_dimension output_dtype encoding_format metadata")
_MISTRAL_FORM = names(
    "model file file_url file_id language temperature diarize context_bias timestamp_granularities order"
)
_CLOUDFLARE_KEYS = names("audio task language vad_filter initial_prompt prefix")
_GEMINI_MODELS = names("gemini-embedding-001 text-embedding-004 gemini-embedding-2")
_GEMINI_REQUEST = names("model content taskType title outputDimensionality")
_MISTRAL_BATCH_TOKENS = 16_384
_MOST_COHERE_TEXTS = 96
_MOST_GEMINI_REQUESTS = 100
_MOST_OPENAI_INPUTS = 2048


def check_openai_embeddings(asked: Asked) -> None:
    """Raises Refused for more inputs than OpenAI takes."""
    if len(asked.inputs) > _MOST_OPENAI_INPUTS:
        raise invalid("'input' : maximum 2048 items", param="input")


def check_mistral_embeddings(asked: Asked) -> None:
    """Raises Refused for what Mistral does not take: other models, unknown keys, large batches."""
    for name in asked.body:
        if name not in _MISTRAL_EMBEDDING_KEYS:
            raise _extra_forbidden(name)
    if not _is_known(asked.model, _MISTRAL_MODELS):
        message = f"Invalid model: {asked.model}"
        raise Refused(Problem(status=400, message=message, type="invalid_model", code="1500"))
    if asked.dimensions and asked.model == "mistral-embed":
        raise invalid("output_dimension is not supported for this model.")
    tokens = sum(len(text) for text in asked.inputs) // CHARS_PER_TOKEN
    if tokens > _MISTRAL_BATCH_TOKENS:
        message = f"Too many tokens in batch. Max is {_MISTRAL_BATCH_TOKENS} got {tokens}"
        raise Refused(Problem(status=400, message=message, code="3210"))


def check_gemini_embeddings(asked: Asked) -> None:
    """Raises Refused for what Gemini does not take."""
    if not _is_known(asked.model, _GEMINI_MODELS):
        message = (
            f"models/{asked.model} is not found for API version v1beta, or is not supported for embedContent."
        )
        raise Refused(Problem(status=404, message=message))
    requests = asked.body["requests"]
    if len(requests) > _MOST_GEMINI_REQUESTS:
        raise invalid("* BatchEmbedContentsRequest.requests: at most 100 requests can be in one batch")
    for position, request in enumerate(requests):
        for name in request:
            if name not in _GEMINI_REQUEST:
                raise unknown_name(name, f"requests[{position}]")
        if request.get("model") != f"models/{asked.model}":
            raise invalid("* BatchEmbedContentsRequest.requests: model does not match the one in the path")


def check_cohere_embeddings(asked: Asked) -> None:
    """Raises Refused for what Cohere does not take."""
    body = asked.body
    if body.get("input_type") not in _COHERE_INPUT_TYPES:
        raise invalid("invalid request: valid input_type must be provided with the provided model")
    if len(asked.inputs) > _MOST_COHERE_TEXTS:
        raise invalid("invalid request: total number of texts must be at most 96")
    if asked.dimensions not in _COHERE_DIMENSIONS:
        raise invalid("invalid request: output_dimension must be one of 256, 512, 1024, 1536")


def check_whisper(asked: Asked) -> None:
    """Raises Refused for what Groq does not transcribe: files by another ending, subtitles, times in plain JSON."""
    form = asked.body
    _check_ending(form["file"][0], _GROQ_FORMATS)
    answer = form.get("response_format", ["json"])[0]
    if answer not in ("json", "text", "verbose_json"):
        raise invalid("response_format must be one of [json, text, verbose_json]", param="response_format")
    if "timestamp_granularities[]" in form and answer != "verbose_json":
        raise invalid("timestamp_granularities needs response_format verbose_json")


def check_translation(asked: Asked) -> None:
    """Raises Refused for models that only transcribe, and for what Whisper refuses."""
    if asked.model.endswith("-turbo"):
        raise invalid(f"Translation is not supported for {asked.model}", param="model")
    check_whisper(asked)


def check_mistral_transcription(asked: Asked) -> None:
    """Raises Refused for form fields that Mistral does not know, and for times together with a language."""
    for name in asked.body:
        if name not in _MISTRAL_FORM:
            raise _extra_forbidden(name)
    if asked.timed and "language" in asked.body:
        raise invalid("timestamp_granularities is not compatible with language")


def check_cohere_transcription(asked: Asked) -> None:
    """Raises Refused unless the language is said and the file comes last."""
    form = asked.body
    if "language" not in form:
        raise invalid("invalid request: language is required")
    if form["order"][-1] != "file":
        raise invalid("invalid request: file must be the last field")
    if form.get("response_format", ["json"]) != ["json"]:
        raise invalid("invalid request: response_format must be json")
    _check_ending(form["file"][0], _COHERE_FORMATS)


def check_cloudflare_transcription(asked: Asked) -> None:
    """Raises Refused for keys that the model's schema does not have."""
    for name in asked.body:
        if name not in _CLOUDFLARE_KEYS:
            raise invalid(
                f"AiError: Bad input: Error: oneOf at '/' not met, unknown property {name}", code="5006"
            )


def check_mistral_moderation(asked: Asked) -> None:
    """Raises Refused for unknown keys, and for parts."""
    for name in asked.body:
        if name not in ("model", "input", "metadata"):
            raise _extra_forbidden(name)
    if not isinstance(asked.body["input"], str) and not all(
        isinstance(item, str) for item in asked.body["input"]
    ):
        raise invalid("input must be a string or a list of strings")


def _extra_forbidden(name: str) -> Refused:
    detail = [{"type": "extra_forbidden", "loc": ["body", name], "msg": "Extra inputs are not permitted"}]
    return Refused(Problem(status=422, message="Extra inputs are not permitted", extra={"detail": detail}))


def _is_known(model: str, known: frozenset[str]) -> bool:
    """Whether the provider has such a model, or a behaviour is asked for by it."""
    return model in known or behaviour_of_model(model) is not None


def _check_ending(name: str, allowed: frozenset[str]) -> None:
    if name.rpartition(".")[2] not in allowed:
        raise invalid(f"file must be one of the following types: [{' '.join(sorted(allowed))}]", param="file")
