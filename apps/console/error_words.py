"""What happened in a failed attempt, and what FreeAI did, for people."""

from typing import Final

from apps.providers.errors import POLICY, ErrorKind

HAPPENED: Final[dict[ErrorKind, str]] = {
    ErrorKind.AUTH: "The key was refused.",
    ErrorKind.PAYMENT_REQUIRED: "The account has no credit.",
    ErrorKind.UNSUPPORTED_REGION: "The provider does not serve this region.",
    ErrorKind.SERVICE_RETIRED: "The service has ended.",
    ErrorKind.NOT_IN_PLAN: "The account's plan does not include the model.",
    ErrorKind.MODEL_GONE: "The provider does not have the model any more.",
    ErrorKind.RATE_LIMITED: "A limit was reached.",
    ErrorKind.CLIENT_ERROR: "The request was wrong, for every provider.",
    ErrorKind.REFUSED: "The provider did not take the request.",
    ErrorKind.CONTEXT_LENGTH: "The prompt was too long for the model.",
    ErrorKind.SERVER_ERROR: "The provider had a problem of its own.",
    ErrorKind.NETWORK: "The connection failed, or no answer came in time.",
    ErrorKind.PARSING: "The answer could not be read.",
    ErrorKind.EMPTY_RESPONSE: "The answer was empty.",
    ErrorKind.CONTENT_FILTERED: "The answer was blocked by the provider's filter.",
    ErrorKind.CANCELLED: "The client went away.",
    ErrorKind.CLIENT_STALLED: "The client did not read its answer.",
    ErrorKind.SHUTDOWN: "FreeAI was stopped meanwhile.",
}


def happened(kind: str) -> str:
    """A sentence for the kind of a usage event."""
    try:
        return HAPPENED[ErrorKind(kind)]
    except ValueError:
        return "The attempt failed."


def then(kind: str) -> str:
    """What the policy says for it."""
    try:
        policy = POLICY[ErrorKind(kind)]
    except ValueError:
        return "–"
    acts = [
        *(["tried again"] if policy.retries else []),
        *(["the next candidate was asked"] if policy.falls_back else ["the client was told"]),
        *(["counted for the circuit breaker"] if policy.health == "failure" else []),
    ]
    return ", ".join(acts)
