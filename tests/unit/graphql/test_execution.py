"""Operations through the schema's own `execute` and `stream`, as the transports call them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any
from unittest.mock import Mock
from uuid import UUID

import pytest
import strawberry
from strawberry import relay
from strawberry.exceptions import MissingQueryError
from strawberry.schema.exceptions import InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType
from structlog.testing import capture_logs

from graphql import get_introspection_query, parse, validate
from resumepair_graphql.answers import has_no_result
from resumepair_graphql.auth import ANONYMOUS, Identity
from resumepair_graphql.errors import ErrorCode, Refusal
from resumepair_graphql.execution import ExportSchema, Policy
from resumepair_graphql.executor import OperationExecutor
from resumepair_graphql.trusted import PersistedDocuments, hash_of

SECRET = "the password is swordfish"  # what must not be seen


@strawberry.enum
class Colour(Enum):
    RED = "red"


@strawberry.input
class Paint:
    colour: Colour


cancelled = asyncio.Event()


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, name: str = "you") -> str | None:
        return name

    @strawberry.field
    def paint(self, paint: Annotated[Paint | None, strawberry.argument(name="input")] = None) -> str | None:
        return paint.colour.name if paint else None

    @strawberry.field
    def broken(self) -> str | None:
        raise RuntimeError(SECRET)

    @strawberry.field
    def refused(self) -> str | None:
        raise Refusal(ErrorCode.NOT_FOUND, "There is no such thing.")

    @strawberry.field
    def colour(self) -> Colour | None:
        return SECRET  # type: ignore[return-value]

    @strawberry.field
    def number(self) -> int | None:
        return SECRET  # type: ignore[return-value]

    @strawberry.field
    async def forever(self) -> str | None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return None


@strawberry.type
class Mutation:
    @strawberry.mutation
    def change(self) -> bool | None:
        return True


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, to: int) -> AsyncIterator[int]:
        for number in range(to):
            yield number
        if to > 5:
            raise RuntimeError(SECRET)


@dataclass
class Asking:
    identity: Identity
    address: str | None = None
    reading_cost: int = 0


ALICE, BOB = (Asking(Identity("authenticated", f'{{"sub": "{UUID(int=number)}"}}')) for number in (1, 2))


def schema_of(**policy: Any) -> ExportSchema:  # noqa: ANN401 # a policy's own fields
    return ExportSchema(policy=Policy(**policy), query=Query, mutation=Mutation, subscription=Subscription)


SCHEMA = schema_of()


async def test_variables_that_the_operation_does_not_have_are_not_looked_at() -> None:
    deep: object = 0
    for _ in range(200):
        deep = [deep]
    result = await SCHEMA.execute("query ($n: String) { hello(name: $n) }", {"n": "me", "deep": deep})
    assert (result.data, result.errors) == ({"hello": "me"}, None)


async def test_what_there_was_to_read_is_paid_for_whatever_comes_of_it() -> None:
    schema = schema_of(cost_per_minute=1000, preparation_cost=0)
    query = "query ($n: String!) { hello(name: $n) }"
    asking = Asking(ALICE.identity, reading_cost=600)
    assert codes(await schema.execute(query, {"n": 5}, asking)) == ["BAD_USER_INPUT"]
    assert codes(await schema.execute(query, {"n": 5}, asking)) == ["THROTTLED"]


async def stream(schema: ExportSchema, *args: Any, **kwargs: Any) -> list[ExecutionResult]:  # noqa: ANN401 # as it is called
    return [result async for result in await schema.stream(*args, **kwargs)]  # type: ignore[misc]


def codes(result: ExecutionResult) -> list[Any]:
    return [(error.extensions or {}).get("code") for error in result.errors or []]


@pytest.mark.parametrize(
    ("query", "variables", "code"),
    [
        ("{ hello", None, "GRAPHQL_PARSE_FAILED"),
        ("{ hallo }", None, "GRAPHQL_VALIDATION_FAILED"),
        ("query($n: String!) { hello(name: $n) }", {"n": 1}, "BAD_USER_INPUT"),
        ("query($n: String!) { hello(name: $n) }", None, "BAD_USER_INPUT"),
        ("query($p: Paint) { paint(input: $p) }", {"p": {"colour": "GREEN"}}, "BAD_USER_INPUT"),
        ("query a { hello } query b { hello }", None, "OPERATION_RESOLUTION_FAILURE"),
        ("fragment f on Query { hello }", None, "GRAPHQL_VALIDATION_FAILED"),
    ],
)
async def test_what_never_ran_says_so_the_same_way_over_every_transport(
    query: str, variables: dict[str, Any] | None, code: str
) -> None:
    executed = await SCHEMA.execute(query, variables)
    (streamed,) = await stream(SCHEMA, query, variables)
    for result in (executed, streamed):
        assert isinstance(result, PreExecutionError)
        assert result.data is None
        assert set(codes(result)) == {code}
        assert all(error.path is None for error in result.errors or [])


@pytest.mark.parametrize(
    ("name", "answer"),
    [("a", {"hello": "a"}), ("b", {"hello": "b"}), (None, None), ("c", None), ("", None)],
)
async def test_the_operation_is_the_named_one_and_never_a_guess(
    name: str | None, answer: dict[str, str] | None
) -> None:
    text = 'query a { hello(name: "a") } query b { hello(name: "b") }'
    result = await SCHEMA.execute(text, operation_name=name)
    assert result.data == answer
    assert codes(result) == ([] if answer else ["OPERATION_RESOLUTION_FAILURE"])


async def test_the_only_operation_needs_no_name() -> None:
    assert (await SCHEMA.execute("query a { hello }")).data == {"hello": "you"}
    assert codes(await SCHEMA.execute("query a { hello }", operation_name="b")) == ["OPERATION_RESOLUTION_FAILURE"]


async def test_nothing_asked_and_what_may_not_come_this_way_are_told_apart() -> None:
    with pytest.raises(MissingQueryError):
        await SCHEMA.execute(None)
    with pytest.raises(InvalidOperationTypeError):
        await SCHEMA.execute("mutation { change }", allowed_operation_types={OperationType.QUERY})
    with pytest.raises(InvalidOperationTypeError):
        await SCHEMA.execute("subscription { count(to: 1) }")
    for query, allowed in ((None, None), ("mutation { change }", {OperationType.QUERY})):
        (result,) = await stream(SCHEMA, query, allowed_operation_types=allowed)
        assert codes(result) == ["BAD_REQUEST"]


@pytest.mark.parametrize("text", ["{ hello }", "{ hello", "{ hallo }", "{ " + "hello " * 100 + "}"])
async def test_a_document_is_worked_out_once_good_or_bad(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    parsing = Mock(wraps=parse)
    monkeypatch.setattr("resumepair_graphql.document_cache.parse", parsing)
    schema = schema_of()
    answers = [await schema.execute(text) for _ in range(3)] + await stream(schema, text)
    assert parsing.call_count == 1
    first = answers[0]
    for answer in answers:
        assert (answer.data, answer.errors) == (first.data, first.errors)


async def test_rules_are_the_same_classes_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    validating = Mock(wraps=validate)
    monkeypatch.setattr("resumepair_graphql.document_cache.validate", validating)
    schema = schema_of(introspection=False)
    await schema.execute("{ hello }")
    await schema.execute("{ a: hello }")
    (_, _, first), (_, _, second) = (call.args for call in validating.call_args_list)
    assert first is second


async def test_production_tells_nothing_of_the_schema() -> None:
    schema = schema_of(introspection=False, suggestions=False)
    answers = [
        await schema.execute(get_introspection_query()),
        await schema.execute('{ __type(name: "Query") { name } }'),
        await schema.execute("{ hallo }"),
        await schema.execute("query($p: Paint) { paint(input: $p) }", {"p": {"colour": "REDD"}}),
        await schema.execute("{ paint(input: {color: RED}) }"),
    ]
    messages = [error.message for answer in answers for error in answer.errors or []]
    assert len(messages) >= len(answers)
    assert not [message for message in messages if "Did you mean" in message]
    assert (await schema.execute("{ __typename }")).data == {"__typename": "Query"}


async def test_development_helps() -> None:
    assert (await SCHEMA.execute(get_introspection_query())).errors is None
    for query, variables in (
        ("{ helo }", None),
        ("query($p: Paint) { paint(input: $p) }", {"p": {"colour": "REDD"}}),
    ):
        assert "Did you mean" in str((await SCHEMA.execute(query, variables)).errors)


async def test_an_operation_that_takes_too_long_is_ended() -> None:
    cancelled.clear()
    schema = schema_of(timeout_seconds=0.01)
    result = await schema.execute("{ hello forever }")
    assert (result.data, codes(result)) == (None, ["OPERATION_TIMEOUT"])
    assert cancelled.is_set()
    (streamed,) = await stream(schema, "{ forever }")
    assert codes(streamed) == ["OPERATION_TIMEOUT"]


async def test_an_operation_that_is_cancelled_from_outside_is_cancelled() -> None:
    cancelled.clear()
    task = asyncio.create_task(SCHEMA.execute("{ forever }"))
    for _ in range(5):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cancelled.is_set()


@pytest.mark.parametrize("field", ["broken", "colour", "number"])
async def test_what_went_wrong_on_our_side_is_an_id_that_leads_to_the_log(field: str) -> None:
    with capture_logs() as logs:
        result = await SCHEMA.execute(f"{{ hello {field} }}")
    assert result.data == {"hello": "you", field: None}
    (error,) = result.errors or []
    assert SECRET not in str(error.formatted)
    assert error.path == [field]
    extensions = error.extensions or {}
    assert extensions["code"] == "INTERNAL_ERROR"
    (line,) = logs
    assert line["correlation_id"] == extensions["correlationId"]
    assert line["correlation_id"] in error.message


async def test_a_refusal_keeps_its_code_and_words() -> None:
    result = await SCHEMA.execute("{ refused }")
    assert codes(result) == ["NOT_FOUND"]
    assert [error.message for error in result.errors or []] == ["There is no such thing."]


async def test_a_null_that_only_its_argument_refuses_is_the_clients_mistake() -> None:
    result = await SCHEMA.execute('query($n: String = "x") { hello(name: $n) }', {"n": None})
    assert codes(result) == ["BAD_USER_INPUT"]
    result = await SCHEMA.execute("query($b: Boolean = true) { hello @include(if: $b) }", {"b": None})
    assert codes(result) == ["BAD_USER_INPUT"]


async def test_events_come_one_by_one_and_the_first_tells_the_cost() -> None:
    results = await stream(SCHEMA, "subscription { count(to: 3) }", context_value=ALICE)
    assert [result.data for result in results] == [{"count": 0}, {"count": 1}, {"count": 2}]
    assert [bool(result.extensions) for result in results] == [True, False, False]


async def test_a_subscription_that_breaks_says_where() -> None:
    query = "subscription { ...Number } fragment Number on Subscription { n: count(to: 6) }"
    *_, result = await stream(SCHEMA, query)
    (error,) = result.errors or []
    assert (codes(result), error.path, bool(error.locations)) == (["INTERNAL_ERROR"], ["n"], True)
    assert has_no_result(result), "clients are told that it is over"


async def test_a_subscription_that_breaks_says_no_more_than_a_query() -> None:
    results = await stream(SCHEMA, "subscription { count(to: 6) }")
    assert len(results) == 7
    assert codes(results[-1]) == ["INTERNAL_ERROR"]
    assert SECRET not in str(results[-1])


async def test_an_answer_tells_its_cost_and_what_is_left() -> None:
    result = await schema_of(cost_per_minute=1000, preparation_cost=200).execute("{ hello }", context_value=ALICE)
    assert result.extensions
    assert result.extensions["cost"] == {"requested": 10, "limit": 20_000}
    assert result.extensions["rateLimit"]["limit"] == 1000
    assert result.extensions["rateLimit"]["remaining"] == 790


async def test_what_costs_too_much_is_not_executed_and_costs_nothing() -> None:
    schema = schema_of(max_cost=100, cost_per_minute=1000, preparation_cost=0)
    many = "{ " + " ".join(f"a{n}: hello" for n in range(11)) + " }"
    result = await schema.execute(many, context_value=ALICE)
    assert isinstance(result, PreExecutionError)
    (error,) = result.errors or []
    assert error.extensions == {"code": "QUERY_TOO_COSTLY", "cost": {"requested": 110, "limit": 100}}
    after = await schema.execute("{ hello }", context_value=ALICE)
    assert after.extensions
    assert after.extensions["rateLimit"]["remaining"] == 990


async def test_a_user_who_asks_for_too_much_in_a_minute_waits_and_others_do_not() -> None:
    schema = schema_of(cost_per_minute=15, preparation_cost=0)
    assert (await schema.execute("{ hello }", context_value=ALICE)).errors is None
    result = await schema.execute("{ hello }", context_value=ALICE)
    assert codes(result) == ["THROTTLED"]
    assert "retryAt" in ((result.errors or [])[0].extensions or {})
    assert (await schema.execute("{ hello }", context_value=BOB)).errors is None


async def test_who_has_no_token_is_counted_by_address() -> None:
    schema = schema_of(cost_per_minute=15, preparation_cost=0)
    near, far = Asking(ANONYMOUS, "192.0.2.1"), Asking(ANONYMOUS, "192.0.2.2")
    assert (await schema.execute("{ hello }", context_value=near)).errors is None
    assert codes(await schema.execute("{ hello }", context_value=near)) == ["THROTTLED"]
    assert (await schema.execute("{ hello }", context_value=far)).errors is None


@pytest.mark.parametrize("text", ["{ a: hello }", "{ hallo }", "{ hello", "{ " + "hello " * 100 + "}"])
async def test_a_document_that_is_new_costs_more_good_or_bad_and_is_not_even_read_without_points(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsing = Mock(wraps=parse)
    monkeypatch.setattr("resumepair_graphql.document_cache.parse", parsing)
    schema = schema_of(cost_per_minute=500, preparation_cost=300)
    await schema.execute(text, context_value=ALICE)
    for other in (f"#\n{text}", f"# \n{text}"):
        refused = await schema.execute(other, context_value=ALICE)
        assert codes(refused) == ["THROTTLED"]
        assert {"retryAt", "rateLimit"} <= ((refused.errors or [])[0].extensions or {}).keys()
    assert codes(await schema.execute(text, context_value=ALICE)) != ["THROTTLED"]
    assert parsing.call_count == 1


async def test_a_limit_of_nothing_is_none() -> None:
    result = await schema_of(cost_per_minute=0).execute("{ hello }", context_value=ALICE)
    assert result.extensions == {"cost": {"requested": 10, "limit": 20_000}}


async def test_a_document_is_found_by_its_hash_over_every_transport() -> None:
    text = "query($n: String!) { hello(name: $n) }"
    schema = schema_of(documents=PersistedDocuments({"abc": text}, only=True))
    extensions = {"persistedQuery": {"version": 1, "sha256Hash": hash_of(text)}}
    result = await schema.execute(None, {"n": "x"}, operation_extensions=extensions)
    (streamed,) = await stream(schema, None, {"n": "x"}, operation_extensions=extensions)
    assert result.data == streamed.data == {"hello": "x"}
    assert codes(await schema.execute("{ hello }")) == ["QUERY_NOT_TRUSTED"]
    (refused,) = await stream(schema, "{ hello }")
    assert codes(refused) == ["QUERY_NOT_TRUSTED"]


@pytest.mark.parametrize(("text", "kept"), [("{ hello }", True), ("{ hallo }", False), ("{ hello", False)])
async def test_only_good_documents_are_registered(text: str, kept: bool) -> None:
    schema = schema_of()
    extensions = {"persistedQuery": {"version": 1, "sha256Hash": hash_of(text)}}
    assert codes(await schema.execute(None, operation_extensions=extensions)) == ["PERSISTED_QUERY_NOT_FOUND"]
    await schema.execute(text, operation_extensions=extensions)
    again = await schema.execute(None, operation_extensions=extensions)
    assert codes(again) == ([] if kept else ["PERSISTED_QUERY_NOT_FOUND"])


@strawberry.type
class Thing:
    name: str
    colour: Colour | None = None
    size: int | None = None

    @strawberry.field
    async def slowly(self) -> str:
        if self.name == "0":
            await asyncio.Event().wait()
        return self.name


@strawberry.type
class Box(relay.Node):
    key: relay.NodeID[int]
    thing: Thing
    spare: Thing | None = None

    @strawberry.field
    async def later(self) -> Thing:
        return self.thing


@strawberry.type
class Events:
    @strawberry.subscription
    async def things(self) -> AsyncIterator[Thing | None]:
        for number in range(5):
            yield Thing(name=str(number))


@strawberry.type
class Things:
    @strawberry.field
    def box(self) -> Box | None:
        return Box(key=7, thing=Thing(name="lamp"))

    @strawberry.field
    def broken_box(self) -> Box | None:
        return Box(key=7, thing=Thing(name=None), spare=Thing(name=None))  # type: ignore[arg-type]

    @strawberry.field
    def thing(self) -> Thing | None:
        return Thing(name="lamp", colour=Colour.RED)

    @strawberry.field
    def nameless(self) -> Thing | None:
        return Thing(name=None)  # type: ignore[arg-type]

    @strawberry.field
    def huge(self) -> Thing | None:
        return Thing(name="x", size=2**40)


async def test_attributes_come_the_short_way_and_their_errors_as_ever() -> None:
    schema = ExportSchema(policy=Policy(), query=Things)
    good = await schema.execute("{ thing { __typename n: name colour size } }")
    assert good.data == {"thing": {"__typename": "Thing", "n": "lamp", "colour": "RED", "size": None}}
    with capture_logs():
        nameless = await schema.execute("{ nameless { name size } }")
        huge = await schema.execute("{ huge { name size } }")
    assert (nameless.data, codes(nameless)) == ({"nameless": None}, ["INTERNAL_ERROR"])
    assert (huge.data, codes(huge)) == ({"huge": {"name": "x", "size": None}}, ["INTERNAL_ERROR"])


async def test_objects_come_the_short_way_and_their_errors_as_ever() -> None:
    schema = ExportSchema(policy=Policy(), query=Things)
    good = await schema.execute("{ box { id thing { name } spare { name } later { name } } }")
    lamp = {"name": "lamp"}
    assert good.data == {"box": {"id": relay.to_base64("Box", "7"), "thing": lamp, "spare": None, "later": lamp}}
    with capture_logs():
        nullable = await schema.execute("{ brokenBox { spare { name } } }")
        required = await schema.execute("{ brokenBox { thing { name } } }")
        later = await schema.execute("{ brokenBox { later { name } } }")
    assert [error.path for error in nullable.errors or ()] == [["brokenBox", "spare", "name"]]
    assert [error.path for error in required.errors or ()] == [["brokenBox", "thing", "name"]]
    assert nullable.data == {"brokenBox": {"spare": None}}
    assert required.data == later.data == {"brokenBox": None}


async def test_an_event_that_takes_too_long_is_ended_and_the_subscription_goes_on() -> None:
    schema = ExportSchema(policy=Policy(timeout_seconds=0.01), query=Things, subscription=Events)
    results = await stream(schema, "subscription { t: things { name slowly } }")
    assert [result.data for result in results] == [
        {"t": None},
        *({"t": {"name": f"{n}", "slowly": f"{n}"}} for n in range(1, 5)),
    ]
    assert codes(results[0]) == ["OPERATION_TIMEOUT"]
    assert [error.path for error in results[0].errors or ()] == [["t"]]


async def test_a_subscription_keeps_no_more_after_many_events_than_after_one() -> None:
    schema = ExportSchema(policy=Policy(), query=Things, subscription=Events)
    executors: list[OperationExecutor] = []
    build = OperationExecutor.build_per_event_executor

    def building(self: OperationExecutor, payload: object) -> OperationExecutor:
        executors.append(build(self, payload))
        return executors[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OperationExecutor, "build_per_event_executor", building)
        results = [result async for result in await schema.stream("subscription { things { name } }")]
    assert len(results) == len(executors) == 5
    assert len(executors[-1]._relevant_sub_fields) == 1
