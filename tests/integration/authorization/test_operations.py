"""Every operation, asked by everybody, over every transport, of a real process on a real database."""

from uuid import uuid4

import httpx
import pytest

from graphql import FieldNode, OperationDefinitionNode, parse
from resumepair_graphql.schema import build_schema
from tests.integration.authorization.callers import CALLERS
from tests.integration.authorization.operations import OPERATIONS, Operation
from tests.integration.authorization.transports import REFUSED, TRANSPORTS, Question, outcome_of, value_of
from tests.integration.authorization.world import World
from tests.integration.conftest import Person

CELLS = [
    pytest.param(transport, operation, caller, id=f"{transport}: {operation.name}: {caller}")
    for transport in TRANSPORTS
    for operation in OPERATIONS
    for caller in CALLERS
    if not (transport == "HTTP" and operation.is_subscription)
]


@pytest.mark.parametrize(("transport", "operation", "caller"), CELLS)
def test_matrix(client: httpx.Client, world: World, transport: str, operation: Operation, caller: str) -> None:
    column = CALLERS[caller].column
    world.other = Person(world.owner.connection, uuid4())
    variables = operation.variables(world)
    token = CALLERS[caller].token(world.owner.id, world.other.id)
    before = world.belongings()

    answer = TRANSPORTS[transport](Question(client, token, operation.text, variables))

    expected = getattr(operation, column) if column else REFUSED
    if callable(expected):
        assert value_of(answer) == expected(world)
    else:
        assert outcome_of(answer) == expected
    if column != "owner":
        assert world.belongings() == before
    if column not in ("owner", "service_role"):
        assert world.secret not in str(answer)


def test_every_operation_is_in_the_matrix() -> None:
    rows = {root_field_of(operation) for operation in OPERATIONS}
    schema = build_schema()._schema  # Strawberry shows it nowhere else
    fields = {
        (root.name.lower(), name)
        for root in (schema.query_type, schema.mutation_type, schema.subscription_type)
        if root
        for name in root.fields
    }
    missing = ", ".join(f"{kind} {name}" for kind, name in sorted(fields - rows))
    assert not missing, f"add a row to tests/integration/authorization/operations.py for: {missing}"
    assert rows <= fields


def root_field_of(operation: Operation) -> tuple[str, str]:
    (definition,) = parse(operation.text).definitions
    assert isinstance(definition, OperationDefinitionNode)
    (field,) = definition.selection_set.selections
    assert isinstance(field, FieldNode)
    return definition.operation.value, field.name.value
