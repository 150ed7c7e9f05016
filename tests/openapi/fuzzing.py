"""Requests made from the OpenAPI document, and what every answer to them must be.

Each route is asked by its examples, at the bounds of everything that its schema says, and at random. All checks of schemathesis are on; the
one that refuses a refusal of what is right by the schema is told what no schema can say.
"""

import os
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.parameters import ParameterLocation
from schemathesis.core.result import Ok
from schemathesis.generation.hypothesis.builder import HypothesisTestConfig, HypothesisTestMode, create_test
from schemathesis.generation.meta import TestPhase

from apps.gateway.api.openapi.views import document

DEPTH: Final = os.environ.get("FREEAI_TEST_FUZZ_EXAMPLES", "")
"""Random requests a route. Where it is given they are others each time, and else always the same."""
SETTINGS: Final = settings(
    max_examples=int(DEPTH or "3"),
    deadline=None,
    derandomize=not DEPTH,
    database=None,
    suppress_health_check=list(HealthCheck),
)
UNTOLD: Final = re.compile(
    "|".join(
        (
            # rows: what is there, and what is not
            r"There is no (strategy|endpoint|client key|user|provider)",
            r"Unknown (provider|strategy)",
            r"No key is stored",
            r"This user has no password|[Tt]his is (not )?the current password",
            r"Set FREEAI_\w+ first",
            r"No provider is configured",
            r"offers no chat model of this name",
            r"No such server answers on this machine",
            r"Only a built-in strategy has a shipped definition",
            r"Object with name=[\s\S]* does not exist",
            r'"code":"no_capable_provider"',
            # a whole number that is written with a point
            r"Expected `[^`]*int[^`]*`, got `float`",
            r"Must be a whole number",
            # what texts and files must be, and what goes with what
            r"not an audio file|images are not streamed|is no PNG, JPEG or WebP",
            r"must be a text that is not empty|must hold something to say|must be texts, or parts of one input",
            r"must be an ISO 639-1 code",
            r'"kind":"refused"',
            r"needs `response_format` verbose_json",
            r"is no length: second, minute",
            r"may not be blank",
            r"Must be an http or https URL",
            r"The key holds spaces or characters that are not ASCII|The key is a placeholder",
            r"[Tt](?:he|his) password is too (?:similar|short|common)",
            r"Must (not )?be in the future",
            r"Must be a time zone such as",
            # of messages: what a tool of the client's must have, what can be chosen, where content may be
            r"missing required field `(?:name|input_schema)`",
            r"`tool_choice`: there is no tool|has no tool `",
            r"must be `pattern = model`|names are at most 200 printable|There is no model `",
            r"there is no files API|documents are not fetched|conversations are not kept",
            # of completions: what goes with what, and texts that are half a template
            r"`best_of`: |`echo`: |a stream answers one|a template for filling in the middle|the prompt has one already",
            # of Google's and Ollama's: a name in a path, what has to hold something, and what is not here
            r"`[\w.\[\]]+`: must not be empty|`model`: must be at most 200 printable|: Invalid model: ",
            r"must be an image in base64|must be base64 of UTF-8|must be the model of the path|must be the same in all",
            r"only the model calls|only texts are embedded|has no function `|there is no function|own turns hold no files",
            r"answers are texts here|of this type are not read|there is no files API|prompts with a hole",
            r"must be (?:AUTO|MINIMAL|json|sse|text/plain)",
            # of responses: items are told apart by more than a schema can say
            r"`input(?:\[\d+\][^`]*)?`: ",
            r"Previous response with id|not kept here|there are no stored prompts|not made in the background",
            r"Only answers that are made in the background|`after`: there is no item",
            r"missing required field `schema`|another tool has the name|is not run here|are not run here",
            r"`window_seconds` or `days`, not for both",
            r"Must not be before `from`",
            r"Must be the `next` of an earlier answer",
            r"A name cannot hold the character",
            r"The name [\w-]+ is reserved",
            r"A user with that name exists already",
            r"Unknown virtual model",
            r"Null characters are not allowed",
            r'"clause":"(require|prefer)\[\d+\]\.when"',
        )
    )
)
"""Why a request that is right by its schema may be refused: what there is, and what no schema of JSON has words for."""

load_all_checks()
ACCEPTANCE: Final = CHECKS.get_one("positive_data_acceptance")
REJECTION: Final = CHECKS.get_one("negative_data_rejection")
SIGNED: Final = CHECKS.get_one("ignored_auth")

Route = tuple[str, str]
Ask = Callable[[Any], None]


def routes(prefix: str) -> list[Route]:
    """Path and method of what is described below `prefix`."""
    paths = document()["paths"].items()
    return sorted((path, method) for path, item in paths if path.startswith(prefix) for method in item)


def operations(app: Any = None) -> dict[Route, Any]:
    """Every operation of the document, by its route. `app`: the WSGI application that is asked; without it, a server."""
    schema = schemathesis.openapi.from_dict(document())
    schema.app = app
    return {
        (each.ok().path, each.ok().method.lower()): each.ok()
        for each in schema.get_all_operations()
        if isinstance(each, Ok)
    }


def ask_all(operation: Any, ask: Ask, *, bounds: bool = True) -> None:
    """Call `ask` with every case that is made for the operation. Raises what `ask` raised, with the smallest case that made it.

    `bounds`: False leaves out those at the bounds of what the schema says, but for a deep run.
    """
    modes = [HypothesisTestMode.EXAMPLES, HypothesisTestMode.FUZZING]
    if bounds or DEPTH:
        modes.append(HypothesisTestMode.COVERAGE)

    def one(case: Any) -> None:
        ask(case)

    config = HypothesisTestConfig(project=operation.schema.config, settings=SETTINGS, modes=modes)
    with suppress(Unsatisfiable):  # nothing can be wrong with a request that has no parameters
        create_test(operation=operation, test_func=one, config=config)()


def is_right_at(case: Any, place: ParameterLocation) -> bool:
    """Whether what the case has there is right by its schema."""
    return not case.meta.is_negative_at(place)


def judge(case: Any, response: Any, **sent: Any) -> None:
    """Raises where the answer is none of those that the document promises. `sent`: how the case was sent, for checks that ask again."""
    excluded = []
    if response.status_code in (400, 422) and UNTOLD.search(response.text):
        excluded.append(ACCEPTANCE)
    if ":" in case.path:
        excluded.append(REJECTION)  # Google's, where one thing may stand for a list of one
    if case.meta.phase.name is TestPhase.COVERAGE:
        excluded.append(SIGNED)  # two more requests, which the other cases of the route make as well
    case.validate_response(response, excluded_checks=excluded, **sent)
