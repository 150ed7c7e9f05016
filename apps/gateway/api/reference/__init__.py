"""What each route of `/api` takes and answers, for the OpenAPI document: a table a topic, a row a route."""

from collections.abc import Mapping
from typing import Final

from apps.gateway.api.reference import accounts, analytics, providers, rules, usage
from apps.gateway.wire.reference import Operation, Route

OPERATIONS: Final[Mapping[Route, Operation]] = (
    accounts.OPERATIONS
    | analytics.OPERATIONS
    | providers.OPERATIONS
    | providers.OWN
    | rules.OPERATIONS
    | usage.OPERATIONS
)
