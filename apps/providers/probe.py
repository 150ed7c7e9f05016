"""Does a stored key work? One cheap call to its provider, when a user asks for it.

Which call is data (`probe` in the catalogue's [wire] table). It costs no quota but where a provider has no call that needs a key and is
free: there it is a chat of one token, not counted in the windows. Nothing here runs on its own: a probe by the clock would burn quota.
"""

from typing import Any, Final
from urllib.parse import urljoin

import orjson
from msgspec import Struct, structs

from apps.core import clock
from apps.core.crypto import WrongMasterKeyError, decrypt
from apps.core.redaction import scrub
from apps.core.state.contract import Subject
from apps.core.state.keys import candidate_key, credential_key
from apps.providers.adapters import wire_for
from apps.providers.adapters.chat import codec_for
from apps.providers.adapters.refusals.answers import wrapped_error
from apps.providers.blocking_calls import call
from apps.providers.destinations import is_elsewhere, why_elsewhere
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.models import Credential, Provider
from apps.providers.presets import PresetError, fill_base_url, parse_preset, usable_settings
from apps.providers.types import ChatRequest, Offer, Secret, UpstreamRequest

SANDBOX_SCHEME: Final = "sandbox:"

HINTS: Final[dict[ErrorKind, str]] = {
    ErrorKind.AUTH: "The provider refused the key",
    ErrorKind.PAYMENT_REQUIRED: "The key is accepted, but the account has no balance; add credit or a payment method there",
    ErrorKind.UNSUPPORTED_REGION: "The provider does not serve the region that this server, or the account, is in",
    ErrorKind.SERVICE_RETIRED: "The service has ended, whatever the key",
    ErrorKind.NOT_IN_PLAN: "The key is accepted, but its plan does not include the default model",
    ErrorKind.RATE_LIMITED: "The key is known, but its quota is used up for now",
    ErrorKind.CLIENT_ERROR: "The provider did not accept the test call",
    ErrorKind.REFUSED: "The provider did not accept the test call",
    ErrorKind.MODEL_GONE: "The provider does not know what was asked for; check the base URL and the default model",
    ErrorKind.SERVER_ERROR: "The provider has a problem of its own; try again later",
    ErrorKind.NETWORK: "The provider could not be reached",
    ErrorKind.PARSING: "Something answered, but not in the provider's format; check the base URL",
}


class ProbeError(Struct, frozen=True):
    """Why the test failed: the kind that an attempt would fail with, and words for the user."""

    kind: ErrorKind
    message: str


class Outcome(Struct, frozen=True, kw_only=True):
    """What the test found. `models_seen`: the length of the provider's model list, None where the call returns none, or a part."""

    ok: bool
    latency_ms: int = 0
    models_seen: int | None = None
    error: ProbeError | None = None


def probe_stored(provider: Provider, credential: Credential | None, user_id: int) -> Outcome:
    """Test what is stored for the user, disabled or not. Blocks, see `probe`."""
    if ended := provider.ended():
        return _refused(ErrorKind.SERVICE_RETIRED, ended)
    if credential is not None and is_elsewhere(credential):
        return _refused(ErrorKind.AUTH, why_elsewhere(provider))
    try:
        offer = stored_offer(provider, credential, user_id)
    except WrongMasterKeyError:
        return _refused(
            ErrorKind.AUTH, "The stored key cannot be read with this server's master keys: enter it again."
        )
    except PresetError:
        return _refused(ErrorKind.CLIENT_ERROR, "The operator's settings for this provider cannot be used.")
    given = {} if credential is None else credential.settings
    if missing := [
        name for name in offer.preset.settings if name not in usable_settings(offer.preset, given)
    ]:
        return _refused(
            ErrorKind.CLIENT_ERROR, f"The provider needs more than the key: set {', '.join(missing)}."
        )
    return probe(offer)


def stored_offer(provider: Provider, credential: Credential | None, user_id: int) -> Offer:
    """The provider's default model with the stored key. Raises WrongMasterKeyError, PresetError."""
    own = credential or Credential(provider=provider)
    model = own.default_model or provider.default_model
    preset = parse_preset(provider.wire).for_model(model)
    if "://" in preset.probe.url and provider.base_url != provider.shipped.get("base_url"):
        # The key belongs to a host of the operator's, which the catalogue's address knows nothing of.
        preset = structs.replace(preset, probe=structs.replace(preset.probe, kind="chat", then_chat=False))
    key = credential_key(user_id, provider.name)
    return Offer(
        provider=provider.name,
        model=model,
        task="chat",
        subject=Subject(key, candidate_key(key, model)),
        preset=preset,
        base_url=fill_base_url(provider.base_url, usable_settings(preset, own.settings)),
        api_key=Secret(decrypt(own.encrypted_key) if own.encrypted_key else ""),
        user_id=user_id,
    )


def probe(offer: Offer) -> Outcome:
    """Call the provider with the offer's key. Blocks up to the preset's `timeout_s`; never raises for what the provider does.

    The sandbox has no key and is well by definition.
    """
    if offer.base_url.startswith(SANDBOX_SCHEME):
        return Outcome(ok=True)
    started = clock.monotonic()
    seen: int | None = None
    try:
        seen = _call(probe_request(offer), offer)
        if offer.preset.probe.then_chat:
            paid = _chatting(offer)
            _call(probe_request(paid), paid)
    except UpstreamError as error:
        # Its text is scrubbed where it is read, and once more for good measure.
        words = f"{HINTS.get(error.kind, 'The test call failed')}: {scrub(error.message, offer.api_key)}"
        failure = ProbeError(error.kind, words)
        return Outcome(ok=False, latency_ms=_elapsed_ms(started), models_seen=seen, error=failure)
    return Outcome(ok=True, latency_ms=_elapsed_ms(started), models_seen=seen)


def _chatting(offer: Offer) -> Offer:
    """The offer, tested by a chat."""
    preset = offer.preset
    return structs.replace(
        offer, preset=structs.replace(preset, probe=structs.replace(preset.probe, kind="chat"))
    )


def probe_request(offer: Offer) -> UpstreamRequest:
    """The call to make. Raises UpstreamError when it cannot be built."""
    spec = offer.preset.probe
    if spec.kind == "chat":
        body = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}
        request = ChatRequest(model=offer.model, body=body, prompt_tokens=1, max_tokens=1)
        return codec_for(offer).build(request, offer)
    try:
        url = urljoin(offer.base_url.rstrip("/") + "/", spec.url)
    except ValueError as error:
        raise UpstreamError(ErrorKind.NETWORK, "the base URL is not usable") from error
    headers = wire_for(offer).headers(offer) | {"accept": "application/json"}
    del headers["content-type"]  # there is no content
    return UpstreamRequest(url=url, headers=headers, body=b"", method="GET")


def _call(request: UpstreamRequest, offer: Offer) -> int | None:
    """The number of models, see Outcome. Raises UpstreamError."""
    answer = call(request, offer.preset.probe.timeout_s)
    if not answer.is_ok:
        raise wire_for(offer).parse_error(answer.status, answer.headers, answer.body, offer)
    if offer.preset.probe.kind == "chat":
        codec_for(offer).parse(answer.body, offer)
        return None
    return _models_seen(json_of(answer.body, offer))


def json_of(body: bytes, offer: Offer) -> Any:
    """The JSON of a 200. Raises UpstreamError for anything else, and for an error inside it."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise UpstreamError(ErrorKind.PARSING, "the answer is not JSON") from error
    if isinstance(document, dict) and (wrapped := wrapped_error(document, offer)):
        raise wrapped
    return document


def _models_seen(document: Any) -> int | None:
    """The entries of a model list: OpenAI's `data`, Gemini's and Cohere's `models`, or a bare array; None for a first page."""
    if not isinstance(document, dict):
        return len(document) if isinstance(document, list) else None
    if document.get("nextPageToken") or document.get("next_page_token"):
        return None
    models = document.get("data", document.get("models"))
    return len(models) if isinstance(models, list) else None


def _refused(kind: ErrorKind, message: str) -> Outcome:
    return Outcome(ok=False, error=ProbeError(kind, message))


def _elapsed_ms(started: float) -> int:
    return round((clock.monotonic() - started) * 1000)
