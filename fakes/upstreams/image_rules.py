"""What providers refuse of image requests."""

from __future__ import annotations

from fakes.answers import Asked

from .base import Check, invalid, names

GRID = 16


def only(text: str) -> Check:
    """Raises Refused for other fields than these, and for sides that are off the grid."""
    taken = names(text)

    def check(asked: Asked) -> None:
        for name in asked.body:
            if name not in taken:
                raise invalid(f"property '{name}' is unsupported", param=name)
        _check_sides(asked.body.get("parameters") or asked.body)

    return check


def _check_sides(options: dict[str, int]) -> None:
    for side in ("width", "height"):
        if options.get(side, GRID) % GRID:
            raise invalid(f"{side} must be a multiple of {GRID}", param=side)


check_openai = only(
    "model prompt n size response_format quality style user background output_format moderation"
)
check_together = only("model prompt n width height steps seed response_format output_format")
check_cloudflare = only("prompt steps seed")
check_raw = only("inputs parameters")
check_artifacts = only("prompt width height steps seed cfg_scale mode")
