"""What is remembered of texts: their verdicts, and nothing of them."""

import gc
import threading

from msgspec.structs import replace

from apps.strategies.reading import MEMORY, memory, observe, recognise
from apps.strategies.reading.memory import Gist, Memory
from tests.factories import make_request

SECRET = "my_secret_function_name in a Dockerfile that nobody may keep"


def request(text: str, system: str = ""):
    instructions = [{"role": "system", "content": system}] if system else []
    return make_request(messages=[*instructions, {"role": "user", "content": text}])


def counted(read: list[str]) -> Memory:
    def gist(text: str) -> Gist:
        read.append(text)
        return Gist("en", float(len(text)), 0.0)

    return Memory(gist, most=4)


def test_recognising_is_observing_without_reasons_the_first_time_and_the_second():
    for text in ("Fix the bug in my docker container", "Buenos días", SECRET, "half a pair \ud800", ""):
        for system in ("", "You write Python code, step by step."):
            asked = request(text, system)
            seen = replace(observe(asked), reasons=())

            assert [recognise(asked), recognise(asked)] == [seen, seen]


def test_a_text_is_read_once():
    read: list[str] = []
    known = counted(read)

    assert [known.gist(text) for text in ("a", "a", "b", "a")] == [known.gist("a")] * 2 + [
        known.gist("b"),
        known.gist("a"),
    ]
    assert read == ["a", "b"]


def test_of_texts_without_end_the_last_are_known_and_no_more():
    read: list[str] = []
    known = counted(read)

    for number in range(100):
        known.gist("asked for again and again")
        known.gist(f"text {number}")
        assert len(known) <= 4

    assert read.count("asked for again and again") == 1


def test_nothing_of_a_text_is_kept():
    recognise(request(SECRET, system=f"Instructions: {SECRET}"))

    gc.collect()
    kept = [*MEMORY._young, *MEMORY._elder, *MEMORY._young.values(), *MEMORY._elder.values()]
    assert kept
    assert not any("secret" in repr(each) for each in kept)
    assert all(len(digest) == memory.DIGEST_BYTES for digest in MEMORY._young)


def test_another_process_has_other_digests():
    one, other = counted([]), counted([])

    one.gist(SECRET)
    other.gist(SECRET)

    assert not one._young.keys() & other._young.keys()


def test_threads_that_read_at_once_get_what_is_right():
    known = Memory(lambda text: Gist("en", float(text), 0.0), most=8)
    wrong: list[float] = []

    def ask() -> None:
        codes = [known.gist(str(number % 23)).code for number in range(2_000)]
        wrong.extend(code for number, code in enumerate(codes) if code != number % 23)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
