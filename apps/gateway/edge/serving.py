"""From a task's operation to its answer: the step that the views of all tasks beside chat share."""

from typing import TypeVar

from apps.clients.keys import Principal
from apps.gateway import runtime
from apps.gateway.attempts import dispatch
from apps.gateway.attempts.dispatch import Served
from apps.gateway.attempts.operation import TaskOperation
from apps.gateway.attempts.planning import plan_task
from apps.gateway.attempts.waiting import max_wait_s
from apps.gateway.edge.http import LeanRequest

T = TypeVar("T")


async def serve(request: LeanRequest, principal: Principal, operation: TaskOperation[T]) -> Served[T]:
    """The answer, by whoever gives one. Raises ApiError."""
    call = plan_task(request.ids, principal, operation, max_wait_s(request.META))
    return await dispatch.run(runtime.current(), call, operation)
