"""What a notice says, as JSON for a webhook and in words for a mail. Pure."""

from datetime import UTC, datetime

import orjson

from apps.core.json_types import JSONObject
from apps.core.redaction import scrub
from apps.gateway.outlook.endings import Ending
from apps.providers.outlook import quota_as_json

ADVICE = (
    "Requests will go to other accounts that are free. To make this one last, lower its weight, pin clients to other providers, or store "
    "another provider's key."
)


def facts(ending: Ending, user: str, now: float) -> JSONObject:
    """The JSON of a notice; `user` is a name. Times are ISO 8601 in UTC, texts of providers are cleaned."""
    told = quota_as_json(ending.quota, now)
    return {
        "event": "quota.out" if told["outlook"] == "out" else "quota.runs_out",
        "at": _moment(now),
        "day": ending.day.isoformat(),
        "user": user,
        "provider": ending.provider,
        "model": scrub(ending.model) or None,
        "window": str(ending.quota.window.span),
        **{name: told[name] for name in ("limit", "used", "left", "source")},
        **{name: told[name] and told[name].isoformat() for name in ("resets_at", "runs_out_at", "out_until")},
    }


def as_body(identity: str, told: JSONObject) -> bytes:
    """What is posted. `identity`: the same at every try."""
    return orjson.dumps({"id": identity, **told})


def subject(told: JSONObject) -> str:
    """One line."""
    ends = f"runs out at {_clock(told['runs_out_at'])}" if told["runs_out_at"] else "has run out"
    return _line(f"FreeAI: {told['provider']} {ends} ({told['window']})")


def text(told: JSONObject) -> str:
    """A few sentences."""
    model = f", model {told['model']}, the last that can serve" if told["model"] else ""
    ends = (
        f"At the pace of the last hour the rest is used up at about {_clock(told['runs_out_at'])}"
        if told["runs_out_at"]
        else "Nothing is left of it"
    )
    back = f", and it comes back at {_clock(told['resets_at'])}" if told["resets_at"] else ""
    return (
        f"Account: {_line(told['user'])} at {told['provider']}{_line(model)}\n"
        f"Quota: {told['used']} of {told['limit']} used ({told['window']})\n\n"
        f"{ends}{back}.\n\n{ADVICE}\n"
    )


def _line(words: str) -> str:
    return " ".join(words.split())


def _clock(moment: str) -> str:
    return datetime.fromisoformat(moment).strftime("%Y-%m-%d %H:%M UTC")


def _moment(at: float) -> str:
    return datetime.fromtimestamp(int(at), UTC).isoformat()
