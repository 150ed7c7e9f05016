"""cel-python, an independent implementation of CEL, as the reference of the expression language."""

from typing import Any

import celpy
from celpy import celtypes
from celpy.adapter import json_to_cel
from celpy.celparser import CELParseError
from celpy.evaluation import CELEvalError

from apps.strategies.expression import FIELDS, CandidateFacts, RequestFacts

ERROR = object()
"""What the reference answers when evaluating raises."""
REFUSED = object()
"""What the reference answers to something that is not CEL."""

Facts = tuple[CandidateFacts, RequestFacts]
_environment = celpy.Environment()


def reference(source: str, facts: Facts) -> object:
    """The value that cel-python gives; ERROR, or REFUSED."""
    try:
        program = _environment.program(_environment.compile(source))
    except CELParseError:
        return REFUSED
    try:
        return program.evaluate(_activation(facts))
    except CELEvalError:
        return ERROR


def _activation(facts: Facts) -> dict[str, Any]:
    candidate, request = facts
    variables: dict[str, Any] = {}
    members = celtypes.MapType()
    for field in FIELDS.values():
        value = getattr(request if field.of_request else candidate, field.attribute)
        if value is None:
            continue
        if field.of_request:
            members[celtypes.StringType(field.attribute)] = json_to_cel(value)
        else:
            variables[field.name] = json_to_cel(list(value) if field.type.is_list else value)
    return variables | {"request": members}
