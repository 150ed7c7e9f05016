"""One preset, compiled: a request's body fitted to an upstream."""

from typing import Any

from apps.core.json_types import JSONObject
from apps.providers.adapters.refusals.unsayable import cannot_say
from apps.providers.adapters.shared.caps import answer_cap, fit_caps
from apps.providers.adapters.shared.history import text_of
from apps.providers.adapters.shared.names import Naming, fitter
from apps.providers.adapters.shared.tools import (
    LEGACY,
    TOOL_FIELDS,
    forget_tools,
    modernise_functions,
    use_allowed_tools,
)
from apps.providers.adapters.shared.values import as_list
from apps.providers.types import Capability, ChatRequest, Offer, Preset

from .messages import MessageRewriter
from .tools import ToolFitter

OPENAI_TEMPERATURE_MAX = 2.0
FORMAT_KEYS = ("type", "json_schema")
SCHEMA_KEYS = ("name", "description", "schema", "strict")
EFFORT = "reasoning_effort"
ALWAYS_LOOKED_AT = ("stop", "response_format", "top_logprobs", "prediction")
ALWAYS_SENT = frozenset({"model", "messages", "stream", "stream_options"})
# By a capability that is missing, the fields that then only say that it is not asked for (`n: 1`): some refuse even that.
NEEDLESS: dict[Capability, tuple[str, ...]] = {
    "n": ("n",),
    "logprobs": ("logprobs", "top_logprobs"),
    "audio_output": ("modalities", "audio"),
}


class Quirks:
    """One preset, compiled (see `Preset.compiled`): what to look for in a body, so that a body without quirks costs one set test."""

    def __init__(self, preset: Preset) -> None:
        self.preset = preset
        self.messages = MessageRewriter(preset)
        self._tools = ToolFitter(preset)
        self._names = fitter(preset.tool_names)
        self._renames = tuple(preset.renames.items())
        self._fields = preset.fields | ALWAYS_SENT if preset.fields else frozenset[str]()
        self._ranges = dict(preset.ranges)
        if preset.temperature_max < OPENAI_TEMPERATURE_MAX:
            self._ranges.setdefault("temperature", (0.0, preset.temperature_max))
        self._drops = preset.drops.union(*(NEEDLESS[name] for name in NEEDLESS.keys() & preset.incapable))
        self._touched = frozenset(
            {*ALWAYS_LOOKED_AT, *TOOL_FIELDS, *LEGACY, *self._drops, *preset.renames, *self._ranges}
        )
        if preset.effort is not None:
            self._touched |= {EFFORT}
        self._chooses_tools = "forced_tools" not in preset.incapable

    def fit(self, body: JSONObject, request: ChatRequest, offer: Offer) -> None:
        """Apply the preset to `body`: a copy of the request's, whose nested values stay as they are.

        Raises UpstreamError(REFUSED) for what this upstream cannot be told.
        """
        if None in body.values():
            for name in [name for name, value in body.items() if value is None]:
                del body[name]
        fit_name = self._names.naming(request.body) if "tools" in request.needs else self._names.fit
        if isinstance(messages := body.get("messages"), list):
            body["messages"] = self.messages.rewrite(messages, fit_name)
        self._cap(body, request, offer)
        if not self._touched.isdisjoint(body):
            self._apply(body, offer, fit_name)
        if self._fields and not body.keys() <= self._fields:
            for name in body.keys() - self._fields:
                del body[name]
        if self.preset.excludes:
            self._refuse_excluded(body)

    def _cap(self, body: JSONObject, request: ChatRequest, offer: Offer) -> None:
        if "max_tokens" in body or "max_completion_tokens" in body:
            fit_caps(body, request, offer)
        elif self.preset.default_max_tokens is not None:
            body["max_tokens"] = answer_cap(request, offer)

    def _apply(self, body: JSONObject, offer: Offer, fit_name: Naming) -> None:
        preset = self.preset
        modernise_functions(body)
        for name in self._drops:
            body.pop(name, None)
        self._fit_tools(body, fit_name)
        if preset.effort is not None and EFFORT in body:
            self._say_effort(body, offer)
        self._fit_stop(body)
        self._fit_forms(body)
        for name, (least, most) in self._ranges.items():
            if isinstance(value := body.get(name), int | float) and not least <= value <= most:
                body[name] = least if value < least else most
        for name, theirs in self._renames:
            if name in body and (value := body.pop(name)) is not None:
                body[theirs] = value

    def _fit_tools(self, body: JSONObject, fit_name: Naming) -> None:
        if not body.get("tools"):
            forget_tools(body)
            return
        use_allowed_tools(body)
        if not self._chooses_tools and body.pop("tool_choice", None) == "none":
            forget_tools(
                body
            )  # a choice that cannot be said is automatic: to forbid calls is to offer no tools
            return
        if not body.get("tools"):
            return
        body["tools"] = self._tools.fit(body["tools"], fit_name)
        if "tool_choice" in body:
            body["tool_choice"] = self._tools.choice(body["tool_choice"], fit_name)
        if self.preset.single_tool_calls:
            body["parallel_tool_calls"] = False

    def _fit_forms(self, body: JSONObject) -> None:
        """What is inside of a few fields, and fields that are refused without another."""
        if isinstance(form := body.get("response_format"), dict):
            body["response_format"] = fitted_format(form, exact=self.preset.exact)
        if isinstance(prediction := body.get("prediction"), dict) and self.preset.exact:
            body["prediction"] = {"type": "content", "content": spoken(prediction.get("content"))}
        if not body.get("logprobs"):
            body.pop("top_logprobs", None)

    def _fit_stop(self, body: JSONObject) -> None:
        stop = body.get("stop")
        if isinstance(stop, list):
            stop = body["stop"] = [text for text in stop if text]
        if not stop:
            body.pop("stop", None)
        if isinstance(stop, list) and len(stop) > self.preset.stop_max:
            body["stop"] = stop[: self.preset.stop_max]
        elif isinstance(stop, str) and self.preset.stop_list:
            body["stop"] = [stop]

    def _say_effort(self, body: JSONObject, offer: Offer) -> None:
        """Move `reasoning_effort` to where and what the upstream wants; what the client itself put there stays."""
        value = said_effort(self.preset, body.pop(EFFORT), offer)
        if value is None or self.preset.effort is None:
            return
        *path, leaf = self.preset.effort.path.split(".")
        place = body
        for name in path:
            inner = place.get(name)
            place[name] = place = {**inner} if isinstance(inner, dict) else {}
        place.setdefault(leaf, value)

    def _refuse_excluded(self, body: JSONObject) -> None:
        said = {name for name, value in body.items() if value}
        if (body.get("response_format") or {}).get("type") == "text":
            said.discard("response_format")
        for excluded in self.preset.excludes:
            if excluded <= said:
                names = ", ".join(sorted(excluded))
                raise cannot_say(f"this provider does not take {names} together")


def fitted_format(form: JSONObject, *, exact: bool) -> JSONObject:
    """`response_format` without nulls; `exact`: with OpenAI's keys only."""
    fitted = {
        key: value for key, value in form.items() if value is not None and (not exact or key in FORMAT_KEYS)
    }
    if isinstance(schema := fitted.get("json_schema"), dict):
        fitted["json_schema"] = {
            key: value
            for key, value in schema.items()
            if value is not None and (not exact or key in SCHEMA_KEYS)
        }
    return fitted


def spoken(content: Any) -> str:
    """The text of a predicted answer: a string, or parts."""
    return content if isinstance(content, str) else "".join(text_of([part]) for part in as_list(content))


def said_effort(preset: Preset, effort: Any, offer: Offer) -> Any:
    """The upstream's value for `reasoning_effort`; None where it has none, or the model does not reason."""
    if preset.effort is None:
        return effort
    return preset.effort.said(effort) if "reasoning" in offer.capabilities else None
