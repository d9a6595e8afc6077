"""Calls a task's handler: parameters in, a checked result out."""

from dataclasses import dataclass

from pydantic import BaseModel

from interfaces.catalogs import TaskCatalog
from interfaces.handler import TaskContext
from orchestration.contracts import dumped, instance_of, parsed
from schema.json_types import JSONObject

_MAX_ITEMS = 2**63 - 1  # the column's


@dataclass(frozen=True)
class Handled:
    result: JSONObject
    processed_items: int | None


def handled(
    catalog: TaskCatalog, task_type: str, parameters: JSONObject | None, context: TaskContext
) -> Handled:
    """What the handler of the task type left. Raises what it raises, ``ContractViolationError`` where one of
    both is not what the contract says, and ``UnknownTaskTypeError``."""
    contract = catalog.info(task_type).contract
    handler = catalog.handler(task_type)
    given = parsed(contract.parameters, parameters, f"the plan of {context.task_id}")
    producer = f"handler {task_type}"
    result = instance_of(contract.result, handler(given, context), producer)
    return Handled(dumped(result, producer), _processed_items(result))


def _processed_items(result: BaseModel) -> int | None:
    items = getattr(result, "processed_items", None)
    return items if isinstance(items, int) and 0 <= items <= _MAX_ITEMS else None
