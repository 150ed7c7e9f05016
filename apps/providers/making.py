"""One offer, made of an account and a model of its provider. Pure."""

from typing import Final

from apps.core.state.contract import Subject, Window
from apps.core.state.keys import Metric, candidate_key
from apps.providers import quotas
from apps.providers.accounts import Account
from apps.providers.claims import EVERYWHERE
from apps.providers.facts import ModelFacts, ProviderFacts
from apps.providers.limit_headers import learnt_windows
from apps.providers.presets import fill_base_url
from apps.providers.types import Offer, Preset, Task

PROMPT_METRICS: Final[frozenset[Metric]] = frozenset({"tokens", "input_tokens"})


def make_offer(
    account: Account, facts: ProviderFacts, model: ModelFacts, task: Task, name: str | None = None
) -> Offer:
    """The offer, with all windows that its calls can take from. `name`: that of a model which is counted under another."""
    candidate = candidate_key(account.key, model.name)
    preset = facts.preset.for_model(model.name)
    own = quotas.candidate_windows(
        account.key, name or model.name, model.name, model.limits, facts.scheme, account.overrides
    )
    spending = () if model.access == "free" else account.spending
    learnt = learnt_windows(preset, candidate, own)
    learnt += quotas.learning_counters(account.key, candidate, account.windows + own + learnt)
    windows = tuple(
        window
        for window in account.windows + own + learnt + spending
        if _takes_from(window.metric, model, task, preset)
    )
    return Offer(
        provider=facts.name,
        model=model.name,
        task=task,
        subject=Subject(account.key, candidate, windows),
        preset=preset,
        base_url=fill_base_url(facts.base_url, account.settings),
        api_key=account.secret,
        user_id=account.user_id,
        capabilities=model.capabilities,
        context_window=model.context_window,
        token_window=_token_window(windows, preset, task),
        max_output_tokens=model.max_output_tokens,
        weight=facts.weight if account.weight is None else account.weight,
        tags=tuple(dict.fromkeys(facts.tags + model.tags)),
        price=model.price,
        max_retries=account.max_retries,
        is_default=model.name == facts.default_for(task, account.default_model, account.withheld),
        access=model.access,
        trains=facts.trains,
        counts=tuple(sorted({window.metric for window in windows} - EVERYWHERE)),
    )


def _token_window(windows: tuple[Window, ...], preset: Preset, task: Task) -> int:
    """The smallest that a prompt takes from, 0 where none is limited, or recordings take none."""
    if task in ("transcription", "translation") and not preset.transcription.counts_tokens:
        return 0
    return min(
        (window.limit for window in windows if window.limit and window.metric in PROMPT_METRICS), default=0
    )


def _takes_from(metric: Metric, model: ModelFacts, task: Task, preset: Preset) -> bool:
    """Whether a model's calls for `task` can take anything from windows of `metric`: it must not wait for the others."""
    match metric:
        case "neurons" if task == "image":
            return preset.images.neurons > 0
        case "neurons" if task == "speech":
            return preset.speech.neurons > 0
        case "money" | "neurons":
            return model.price is not None and model.price.is_positive
        case "audio_seconds":
            return task in ("transcription", "translation")
        case "inputs":
            return task == "embedding"
        case "images":
            return task == "image" or "vision" in model.capabilities
        case _:
            return True
