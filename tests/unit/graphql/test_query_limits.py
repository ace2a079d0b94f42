"""Documents that are too much, and that this is found out before anything dear is done with them."""

from typing import Any
from unittest.mock import Mock

import pytest
from graphql.validation.rules import overlapping_fields_can_be_merged

from graphql import GraphQLSyntaxError, parse, validate
from resumepair_graphql.document_cache import PARSER_LIMIT, PARSER_NESTING, DocumentCache
from resumepair_graphql.query_limits import Measure, QueryLimits, check_variables, measure_document
from resumepair_graphql.request_errors import RequestError
from resumepair_graphql.schema import build_schema

LIMITS = QueryLimits()
SCHEMA = build_schema()._schema
LIBRARY_BUDGET = 500_000  # of comparisons, as graphql-core has it
LEVELS = 40
BOMB = "".join(f"fragment f{n} on Document {{ ...f{n + 1} ...f{n + 1} }} " for n in range(LEVELS))
FRAGMENT_BOMB = f"{{ document(id: 1) {{ ...f0 }} }} {BOMB} fragment f{LEVELS} on Document {{ id }}"
NESTED_BOMB = (
    "{ document(id: 1) { ...f0 } } "
    + "".join(f"fragment f{n} on Document {{ a: b {{ ...f{n + 1} }} b {{ ...f{n + 1} }} }} " for n in range(LEVELS))
    + f"fragment f{LEVELS} on Document {{ id }}"
)
CYCLE = "{ document(id: 1) { ...a } } fragment a on Document { ...b } fragment b on Document { ...a }"
ABUSES = {
    "nested fragments": (FRAGMENT_BOMB, "QUERY_TOO_WIDE"),
    "nested fragments with fields": (NESTED_BOMB, "QUERY_TOO_DEEP"),
    "400 duplicate fields": ("{ document(id: 1) { " + "title " * 400 + "} }", "QUERY_TOO_WIDE"),
    "duplicates in inline fragments": ("{ document(id: 1) { " + "... { id } " * 60 + "} }", "QUERY_TOO_WIDE"),
    "alias flood": (
        "{ document(id: 1) { " + "".join(f"a{n}: id " for n in range(100)) + "} }",
        "QUERY_TOO_WIDE",
    ),
    "root fields": ("{ " + "__typename " * 21 + "}", "QUERY_TOO_WIDE"),
    "directives": ("{ document(id: 1) { id " + "@skip(if: false) " * 60 + "} }", "QUERY_TOO_WIDE"),
    "many operations": ("".join(f"query q{n} {{ __typename }} " for n in range(60)), "QUERY_TOO_LARGE"),
    "many tokens": ("{ " + "id " * 2000 + "}", "QUERY_TOO_LARGE"),
    "many comments": ("#\n" * 3000 + "{ __typename }", "QUERY_TOO_LARGE"),
    "long text": ('{ document(id: "' + "x" * 70_000 + '") { id } }', "QUERY_TOO_LARGE"),
    "deep selection": ("{ a " * 17 + "}" * 17, "QUERY_TOO_DEEP"),
    "very deep selection": ("{ a " * 300 + "}" * 300, "QUERY_TOO_DEEP"),
    "deep list": ("{ document(id: " + "[" * 100 + "]" * 100 + ") { id } }", "QUERY_TOO_DEEP"),
    "very deep list": ("{ document(id: " + "[" * 900 + "]" * 900 + ") { id } }", "QUERY_TOO_DEEP"),
    "many ids": ('{ nodes(ids: ["' + 'a", "' * 250 + '"]) { id } }', "QUERY_TOO_LARGE"),
    "ids in several lists": (
        "{ " + "".join(f'a{n}: nodes(ids: ["' + 'a", "' * 30 + '"]) { id } ' for n in range(10)) + "}",
        "QUERY_TOO_LARGE",
    ),
    "JSON in the text": (
        'mutation { saveDocument(input: {title: "CV", data: {' + "a: {b: 1} " * 150 + "}}) { replayed } }",
        "QUERY_TOO_LARGE",
    ),
    "a long list as a default": ("query($a: [ID!] = [" + "1 " * 250 + "]) { __typename }", "QUERY_TOO_LARGE"),
    "a list within a directive": ("{ id @skip(if: [" + "1 " * 250 + "]) }", "QUERY_TOO_LARGE"),
    "a long alias": ("{ " + "a" * 101 + ": __typename }", "QUERY_TOO_LARGE"),
    "deep default": ("query($a: [ID!] = " + "[" * 100 + "]" * 100 + ") { __typename }", "QUERY_TOO_DEEP"),
}


@pytest.fixture
def validating(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """Counts how often a document is validated."""
    validating = Mock(wraps=validate)
    monkeypatch.setattr("resumepair_graphql.document_cache.validate", validating)
    return validating


@pytest.mark.parametrize("name", ABUSES)
def test_abuse_is_refused_before_it_is_validated(name: str, validating: Mock) -> None:
    text, code = ABUSES[name]
    cache = DocumentCache(SCHEMA, LIMITS, introspection=True, suggestions=True)
    (error,) = cache.prepare(text).errors
    assert error.extensions == {"code": code}
    assert validating.call_count == 0


def test_a_fragment_is_looked_at_once_however_often_it_is_spread() -> None:
    (operation, *_) = measure_document(parse(NESTED_BOMB))  # one look for each spread would never end
    assert operation.fields > 2**LEVELS


def test_what_a_fragment_holds_counts_wherever_it_is_spread() -> None:
    (operation, *_) = measure_document(
        parse("{ a { ...f ... { ...f } } ...r } fragment f on X { x: b c { d } } fragment r on Query { e g }")
    )
    assert (operation.fields, operation.depth, operation.aliases, operation.root_fields) == (9, 3, 2, 3)


def test_a_cycle_is_left_to_validation() -> None:
    cache = DocumentCache(SCHEMA, LIMITS, introspection=True, suggestions=True)
    (error, *_) = cache.prepare(CYCLE).errors
    assert (error.extensions or {})["code"] == "GRAPHQL_VALIDATION_FAILED"


def test_fields_of_one_name_in_many_fragments_stop_at_the_budget_of_comparisons(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fragments = "".join(f"fragment f{n} on Document {{ {'title ' * 45} }} " for n in range(10))
    spreads = " ".join(f"...f{n}" for n in range(10))
    document = f"{{ document(id: 1) {{ {spreads} }} }} {fragments}"

    def errors() -> list[Any]:
        cache = DocumentCache(SCHEMA, LIMITS, introspection=True, suggestions=True)
        return [error.extensions for error in cache.prepare(document).errors]

    assert errors() == [{"code": "GRAPHQL_VALIDATION_FAILED"}]
    monkeypatch.setattr(overlapping_fields_can_be_merged, "MAX_COMPLEXITY_BUDGET", LIBRARY_BUDGET)
    assert errors() == []


@pytest.mark.parametrize(
    ("text", "limits", "ending"),
    [
        ("{ a b c }", {"max_lexical_tokens": 3}, PARSER_LIMIT),
        ("#\n#\n#\n{ a }", {"max_comments": 2}, PARSER_LIMIT),
        ("{ a(b: " + "[" * 900 + "]" * 900 + ") }", {}, PARSER_NESTING),
        ("{ a " * 900 + "}" * 900, {}, PARSER_NESTING),
    ],
)
def test_the_parser_words_its_own_limits_as_we_know_it(text: str, limits: dict[str, Any], ending: str) -> None:
    with pytest.raises(GraphQLSyntaxError) as refused:
        parse(text, **limits)
    assert ending in refused.value.message


@pytest.mark.parametrize(("depth", "good"), [(64, True), (65, False), (5000, False)])
def test_variables_may_be_nested_so_deep(depth: int, good: bool) -> None:
    value: object = 1
    for _ in range(depth):
        value = [value]
    if good:
        check_variables({"data": value}, LIMITS)
        return
    with pytest.raises(RequestError) as refused:
        check_variables({"data": value}, LIMITS)
    assert refused.value.extensions == {"code": "QUERY_TOO_DEEP"}


def test_measures_and_limits_are_of_the_same_things() -> None:
    assert {name for name in vars(LIMITS) if hasattr(Measure(), name)} == {
        "depth", "input_depth", "entries", "alias_length", "fields", "root_fields", "aliases", "directives", "repeats",
    }  # fmt: skip
