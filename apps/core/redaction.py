"""Cleaning upstream text before it is logged, stored or shown: no keys, no control characters, no novels."""

import re

KEY = re.compile(
    r"\b(?:sk-or-v1|sk|gsk|csk|nvapi|hf|fai|ghp|gho|github_pat|xai|AIza|AQ\.)[-_A-Za-z0-9.]{6,}"
    r"|(?<=[?&]key=)[^&\s\"']+"
    r"|(?<=Bearer )\S+",
    re.IGNORECASE,
)
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
MAX_LENGTH = 500


def scrub(text: str, *secrets: str) -> str:
    """`text` without anything that looks like a key, without the given secrets, without control characters, cut to 500 characters."""
    text = text[: MAX_LENGTH * 8]
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    text = CONTROL.sub(" ", KEY.sub("***", text))
    return text if len(text) <= MAX_LENGTH else text[: MAX_LENGTH - 1] + "…"
