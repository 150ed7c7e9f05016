"""What our client makes of hostile answers beside what aiohttp and h11 make of them.

`python -m tests.providers.http.differential 100000` takes a few minutes.
"""

import asyncio
import logging
import random
import re
import sys
from collections import Counter

from tests.providers.http import hostile
from tests.providers.http.engines import Read, by_aiohttp, by_h11, by_ours

CODING = re.compile(rb"transfer-encoding[ \t]*:([^\r\n]*)", re.IGNORECASE)
PLAIN_CODINGS = (b"chunked", b"identity")
SWITCHING = 101


async def disagreement(seed: int) -> str:
    """What is wrong with our reading of the seed's answer; "" where nothing is.

    aiohttp gets it byte by byte: it drops an answer that it has if what comes behind in the same read is none. h11 is stricter than both
    in names and values, and more lenient in the first line: where both read something, it is the same.
    """
    chance = random.Random(seed)
    data = hostile.answer(chance)
    ours = await by_ours(hostile.pieces(chance, data))
    theirs = await by_aiohttp([bytes([byte]) for byte in data])
    strict = by_h11([data])
    if ours.is_whole and strict.is_whole:
        if ours[:2] != strict[:2]:
            return f"h11 reads {strict}, ours {ours}: {data!r}"
        if ours.serves and strict.behind.strip(b"\r\n"):
            return f"a connection with something behind the answer serves again: {data!r}"
    if _same(ours, theirs) or _is_told(data, ours, theirs):
        return ""
    return f"aiohttp reads {theirs}, ours {ours}: {data!r}"


def _same(ours: Read, theirs: Read) -> bool:
    return ours.is_whole == theirs.is_whole and (not ours.is_whole or ours[:2] == theirs[:2])


def _is_told(data: bytes, ours: Read, theirs: Read) -> bool:
    """Where we are stricter on purpose: nobody asked for another protocol, nor for a coding beside the one that bodies have."""
    codings = CODING.findall(data)
    odd = len(codings) > 1 or any(coding.strip(b" ").lower() not in PLAIN_CODINGS for coding in codings)
    return not ours.is_whole and (theirs.status == SWITCHING or odd)


async def compare(seeds: range) -> tuple[Counter[str], list[str]]:
    """How many were read whole or not, and the disagreements."""
    counted: Counter[str] = Counter()
    wrong = []
    for seed in seeds:
        found = await disagreement(seed)
        counted["wrong" if found else "same"] += 1
        if found:
            wrong.append(f"{seed}: {found}")
    return counted, wrong


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)  # aiohttp logs what it drops
    counted, wrong = asyncio.run(compare(range(int(sys.argv[1]))))
    print(*wrong[:20], counted, sep="\n")  # noqa: T201
    sys.exit(bool(wrong))
