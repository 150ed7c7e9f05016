"""What differs between the model families behind this wire. Sources: Gemini API reference and model pages, 2026-08."""

import re
from enum import Enum, auto

GEMINI_1_OR_2 = re.compile(r"gemini-[12]\.")


class Family(Enum):
    """GEMMA_3 takes neither system messages nor tools nor JSON mode. GEMINI_2 is told how long to think by a budget
    in tokens, GEMMA_4 and GEMINI_3 by a level; GEMINI_3 insists on thought signatures."""

    GEMMA_3 = auto()
    GEMMA_4 = auto()
    GEMINI_2 = auto()
    GEMINI_3 = auto()


def family_of(model: str) -> Family:
    """The family of a model name. Names without a version, such as gemini-flash-latest, mean the newest."""
    if model.startswith("gemma-3"):
        return Family.GEMMA_3
    if model.startswith("gemma"):
        return Family.GEMMA_4
    return Family.GEMINI_2 if GEMINI_1_OR_2.match(model) else Family.GEMINI_3
