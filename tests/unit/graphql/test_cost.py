"""What operations cost, and how much adding that takes to find out."""

import pytest

from graphql import OperationDefinitionNode, get_introspection_query, parse
from resumepair_graphql.cost import DATABASE_FIELD, LIST_SIZE, MUTATION_FIELD, Cost, CostCompiler
from resumepair_graphql.schema import build_schema
from resumepair_graphql.settings import MAX_QUERY_COST
from resumepair_graphql.templates import TEMPLATES

SCHEMA = build_schema()._schema
PAGE = "edges { node { id } }"
ENTRY = 3  # an edge, its node, the node's id
LIST = DATABASE_FIELD + 1  # the connection, and its `edges`


def compiled(text: str) -> Cost:
    document = parse(text)
    (operation,) = (node for node in document.definitions if isinstance(node, OperationDefinitionNode))
    return CostCompiler(SCHEMA, document).compile(operation)


def cost(text: str, **variables: object) -> int:
    return compiled(text).of(variables)


def test_a_page_costs_what_its_entries_cost() -> None:
    assert cost(f"{{ documents(first: 7) {{ {PAGE} }} }}") == LIST + 7 * ENTRY


def test_what_is_beside_the_entries_is_charged_once() -> None:
    whole = cost(f"{{ documents(first: 50) {{ {PAGE} pageInfo {{ hasNextPage endCursor }} }} }}")
    assert whole == LIST + 50 * ENTRY + 3


@pytest.mark.parametrize(
    ("head", "argument", "variables", "entries"),
    [
        ("", "", {}, 20),
        ("query($n: Int!)", "(first: $n)", {"n": 50}, 50),
        ("query($n: Int!)", "(first: $n)", {}, 20),
        ("query($n: Int = 3)", "(first: $n)", {}, 3),
        ("query($n: Int = 3)", "(first: $n)", {"n": None}, 3),
        ("query($n: Int = 3)", "(first: $n)", {"n": 9}, 9),
        ("query($n: Int = 3)", "(first: $n)", {"n": 1_000_000_000}, 100),
        ("query($n: Int = 3)", "(first: $n)", {"n": -5}, 0),
        ("query($n: Int! = 3)", "(first: $n)", {"n": 50.0}, 50),
        ("query($n: Int = 3)", "(first: $n)", {"n": 1e300}, 100),
        ("query($n: Int = 3)", "(first: $n)", {"n": 0.5}, 100),
        ("query($n: Int = 3)", "(first: $n)", {"n": True}, 100),
        ("query($n: Int = 3)", "(first: $n)", {"n": "many"}, 100),
        ("", "(first: 1000000000)", {}, 100),
    ],
)
def test_the_size_of_a_page_comes_from_the_variable_or_the_default(
    head: str, argument: str, variables: dict[str, object], entries: int
) -> None:
    assert cost(f"{head} {{ documents{argument} {{ {PAGE} }} }}", **variables) == LIST + entries * ENTRY


def test_connections_multiply() -> None:
    inner = f"batch(id: 1) {{ jobs(first: $n) {{ {PAGE} }} }}"
    once = cost(f"query($n: Int!) {{ {inner} }}", n=10)
    more = cost(f"query($n: Int!) {{ {inner} }}", n=100)
    assert more - once == 90 * ENTRY


def test_a_fragment_costs_as_if_it_were_written_out() -> None:
    written = cost(f"query($n: Int!) {{ documents(first: $n) {{ {PAGE} }} }}", n=30)
    spread = cost(
        "query($n: Int!) { documents(first: $n) { ...page } } "
        f"fragment page on DocumentConnection {{ ... on DocumentConnection {{ {PAGE} }} }}",
        n=30,
    )
    assert spread == written


def test_a_list_without_pages_is_taken_to_be_short() -> None:
    cancel = "mutation { cancel(input: {jobId: 1}) { errors { path } } }"
    assert cost(cancel) == MUTATION_FIELD + 1 + LIST_SIZE * (2 + LIST_SIZE)
    assert cost("{ job(id: 1) { artifact { proof { fonts } } } }") == DATABASE_FIELD + 3 + LIST_SIZE


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("{ job(id: 1) { artifact { proof { findings { code } } } } }", DATABASE_FIELD + 3 + 50 * 2),
        ("{ job(id: 1) { artifact { proof { missingGlyphs } } } }", DATABASE_FIELD + 3 + 50),
        ("{ job(id: 1) { artifact { warnings { path } } } }", DATABASE_FIELD + 2 + 50 * 2),
        ("{ templates { name } }", DATABASE_FIELD + len(TEMPLATES) * 2),
        ("{ document(id: 1) { id data } }", DATABASE_FIELD + 1 + 100),
        ("{ documents(first: 30) { edges { node { data } } } }", LIST + 30 * (2 + 100)),
        ("{ jobs(first: 30) { edges { node { queuePosition } } } }", LIST + 30 * (2 + 10)),
        ("{ stats { completed } }", 100 + 1),
        ("{ stats { templates { template } } }", 100 + 100 + len(TEMPLATES) * 2),
        ("{ me { id } }", DATABASE_FIELD + 1),
        ("{ __typename }", 1),
    ],
)
def test_what_is_dear_has_a_price_of_its_own(text: str, price: int) -> None:
    assert cost(text) == price


def test_a_page_of_whole_documents_is_no_bargain() -> None:
    page = "{ documents(first: 100) { edges { node { " + "".join(f"a{n}: data " for n in range(2)) + "} } } }"
    assert cost(page) > MAX_QUERY_COST


def test_a_mutation_costs_more_and_the_entries_of_its_lists_count() -> None:
    text = "mutation($input: ExportBatchInput!) { exportBatch(input: $input) { replayed } }"
    assert cost(text, input={"documentIds": ["1"] * 500}) == MUTATION_FIELD + 1 + 500
    assert cost(text, input={"documentIds": ["1"] * 100_000}) > MAX_QUERY_COST
    assert cost(text, input="nonsense") == MUTATION_FIELD + 1


def test_what_is_inside_json_costs_nothing() -> None:
    text = "mutation($data: JSON!) { saveDocument(input: {title: $data, data: $data}) { document { id } } }"
    assert cost(text, data={"work": [[]] * 10_000}) == MUTATION_FIELD + 2


def test_a_subscription_costs_what_one_of_its_events_does() -> None:
    assert cost("subscription { jobProgress(id: 1) { id status } }") == DATABASE_FIELD + 2


@pytest.mark.parametrize(
    ("root", "fields", "asks"),
    [
        (
            "jobProgress",
            "id status progress { percent } artifact { url exportId proof { score } } failure { code }",
            False,
        ),
        ("jobProgress", "id queuePosition", True),
        ("jobProgress", "document { title }", True),
        ("jobProgress", "...more", True),
        ("batchProgress", "id percent", False),
        ("batchProgress", "jobs { edges { node { id } } }", True),
    ],
)
def test_events_that_ask_the_database_again_are_known(root: str, fields: str, asks: bool) -> None:
    more = " fragment more on ExportJob { ... { batch { id } } }" if "more" in fields else ""
    assert compiled(f"subscription {{ {root}(id: 1) {{ {fields} }} }}{more}").asks == asks


def test_introspection_can_be_afforded_but_not_flooded() -> None:
    assert cost(get_introspection_query()) <= MAX_QUERY_COST
    flood = "".join(f"a{n}: fields {{ name description }} " for n in range(150))
    assert cost("{ __schema { types { " + flood + "} } }") > MAX_QUERY_COST


def test_without_variables_nothing_is_left_to_add_up() -> None:
    found = compiled(f"{{ documents(first: 7) {{ {PAGE} }} job(id: 1) {{ id }} }}")
    assert (found.steps, found.lists) == ((), [])


def test_nested_fragments_are_added_up_once_each() -> None:
    levels = 40
    text = (
        "query($n: Int!) { batch(id: 1) { ...f0 } } "
        + "".join(f"fragment f{n} on ExportBatch {{ ...f{n + 1} ...f{n + 1} }} " for n in range(levels))
        + f"fragment f{levels} on ExportBatch {{ jobs(first: $n) {{ {PAGE} }} }}"
    )
    found = compiled(text)
    assert sum(len(terms) for _, terms in found.steps) <= 4 * levels
    assert found.of({"n": 1}) > 2**levels
