"""A server that passes for the providers' APIs, faults included: for tests, benchmarks and development.

It knows nothing of Django and of the rest of the project, so it can serve as an independent witness.
"""

from .behaviours import NAMED, UnknownBehaviourError
from .journal import Received
from .limits import Limits
from .server import FakeUpstream
from .upstreams import UPSTREAMS

__all__ = ["NAMED", "UPSTREAMS", "FakeUpstream", "Limits", "Received", "UnknownBehaviourError"]
