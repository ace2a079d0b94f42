"""The documentation is true of the code: names, lists, links and examples are compared with what they describe."""

import json
import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel
from pydantic.alias_generators import to_camel
from pydantic_settings import BaseSettings
from strawberry.types import ExecutionResult

import resumepair_graphql.settings
import resumepair_worker.settings
from dev.bench.attacks import ATTACKS
from graphql import GraphQLField, is_scalar_type, is_specified_scalar_type, parse, validate
from graphql import build_schema as read_sdl
from resumepair_graphql import auth, keys
from resumepair_graphql.answers import answer
from resumepair_graphql.cost import LIST_SIZE
from resumepair_graphql.errors import REFUSED_STATES, USER_ERRORS, ErrorCode, RequestRefused
from resumepair_graphql.http_refusal import HttpCode
from resumepair_graphql.jobs import FailureCode
from resumepair_graphql.negotiation import MediaType
from resumepair_graphql.prices import cost_of, entries_of
from resumepair_graphql.query_limits import WORDS, QueryLimits
from resumepair_graphql.request_errors import RequestError, RequestErrorCode
from resumepair_graphql.schema import build_schema
from resumepair_graphql.states import ExportStage, ExportStatus
from resumepair_renderer import TEMPLATES, FindingCode, Format, ResumeDocument, parse_document
from resumepair_renderer.finding import DEDUCTIONS
from resumepair_renderer.fit import (
    LEAST_FONT_SIZE,
    LEAST_LINE_HEIGHT,
    LEAST_LINE_HEIGHT_OF_TALL_SCRIPTS,
    LEAST_MARGIN,
)
from resumepair_worker.backoff import CAP_FACTOR

ROOT = Path(__file__).parents[3]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *ROOT.glob("docs/**/*.md")])
SCHEMA_SQL = (ROOT / "schema.sql").read_text()
SETTINGS = (resumepair_graphql.settings.Settings, resumepair_worker.settings.Settings)
PROCESS_HEADINGS = ("API: `resumepair-graphql`", "Worker: `resumepair-worker`")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def read(page: str) -> str:
    return (ROOT / page).read_text()


def section(page: str, heading: str) -> str:
    """What stands below a heading of the second level."""
    _, _, rest = read(page).partition(f"\n## {heading}\n")
    assert rest, f"{page} has no section {heading!r}"
    return rest.partition("\n## ")[0]


def rows(text: str) -> list[list[str]]:
    """The cells of all tables, code marks taken off, without the headings."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [[cell.strip("`") for cell in row] for row in cells if row[0].startswith("`")]


def fences(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The ids that a forge gives to a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_page
def test_links_resolve(page: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@each_page
def test_make_targets_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))
    code = "\n".join(re.findall(r"```.*?```|`[^`\n]+`", page.read_text(), re.DOTALL))
    assert set(re.findall(r"\bmake ([a-z]+)\b", code)) <= targets


@each_page
def test_names_in_files_exist(page: Path) -> None:
    for file, name in re.findall(r"`([\w./-]+)::(\w+)`", page.read_text()):
        assert (ROOT / file).is_file(), file
        assert re.search(rf"\b{name}\b", read(file)), f"{file}::{name}"


@each_page
def test_paths_exist(page: Path) -> None:
    ours = r"`((?:graphql|worker|renderer|dev|tests|docs)/[\w./-]+)`"
    missing = [path for path in re.findall(ours, page.read_text()) if not (ROOT / path).exists()]
    assert missing == []


def operations() -> Iterator[tuple[str, str]]:
    """Every GraphQL operation of the pages: in a block of its own, within Python, in the body of a curl."""
    for page in PAGES:
        text, name = page.read_text(), str(page.relative_to(ROOT))
        found = fences(text, "graphql")
        for code in fences(text, "python"):
            found += re.findall(r'= """\n((?:query|mutation|subscription)\b.*?)"""', code, re.DOTALL)
        for shell in fences(text, "sh"):
            found += [json.loads(body)["query"] for body in re.findall(r"-d '(\{.*?\})'", shell, re.DOTALL)]
        yield from ((name, operation) for operation in found)


@pytest.mark.parametrize(("page", "operation"), list(operations()))
def test_graphql_examples_are_valid(page: str, operation: str) -> None:
    errors = validate(read_sdl(build_schema().as_str()), parse(operation))
    assert errors == [], page


def test_examples_are_found() -> None:
    assert {page for page, _ in operations()} == {
        "README.md",
        "docs/clients/python.md",
        "docs/reference/pagination.md",
        "docs/how-to/schedule-an-export.md",
        "docs/how-to/download-a-batch.md",
        "docs/how-to/receive-webhooks.md",
        "docs/how-to/watch-a-job.md",
        "docs/quickstart.md",
        "docs/reference/graphql.md",
    }


@pytest.mark.parametrize("root", ["Query", "Mutation", "Subscription"])
def test_every_operation_is_listed(root: str) -> None:
    heading = {"Query": "Queries"}.get(root, f"{root}s")
    type_ = read_sdl(build_schema().as_str()).type_map[root]
    assert {row[0] for row in rows(section("docs/reference/graphql.md", heading))} == set(getattr(type_, "fields", {}))


def test_scalars_and_refusals_with_data_are_listed() -> None:
    types = read_sdl(build_schema().as_str()).type_map
    scalars = {name for name, type_ in types.items() if is_scalar_type(type_) and not is_specified_scalar_type(type_)}
    assert {row[0] for row in rows(section("docs/reference/graphql.md", "Scalars"))} == scalars
    listed = {row[0] for row in rows(section("docs/reference/errors.md", "Refusals with data"))}
    assert listed | {RequestRefused.__name__} == {type_.__name__ for type_ in USER_ERRORS}


@each_page
def test_python_examples_compile(page: Path) -> None:
    for code in fences(page.read_text(), "python"):
        compile(code, str(page), "exec")


def test_refusal_codes_are_listed() -> None:
    listed = {row[0]: row[1] for row in rows(section("docs/reference/errors.md", "Refusals"))}
    states = {str(code.value): state for state, code in REFUSED_STATES.items()}
    assert listed == {code: states.get(code, "") for code in values(ErrorCode)}


def test_sqlstates_are_those_of_the_schema() -> None:
    raised = set(re.findall(r"'(RP\d{3})'", SCHEMA_SQL))
    assert raised == set(REFUSED_STATES)


def test_http_codes_are_listed_with_their_status() -> None:
    listed = {row[0]: row[1] for row in rows(section("docs/reference/transports.md", "HTTP status"))}
    assert listed == {code.name: str(int(code.value)) for code in HttpCode}


def test_request_codes_are_listed_with_the_status_that_they_are_answered_with() -> None:
    listed = {row[0]: row[1] for row in rows(section("docs/reference/errors.md", "Requests"))}
    elsewhere = {RequestErrorCode.TOO_MANY_OPERATIONS: "WebSocket", RequestErrorCode.RESPONSE_TOO_LARGE: "200"}
    assert listed == {code.value: elsewhere.get(code, str(status_of(code))) for code in RequestErrorCode}


def status_of(code: RequestErrorCode) -> int:
    refused = ExecutionResult(data=None, errors=[RequestError(code, "")])
    return answer(refused, MediaType.RESPONSE).status_code


def test_statuses_of_whole_operations_are_those_of_their_codes() -> None:
    page = section("docs/reference/transports.md", "The form of an answer")
    told = {(code, status) for code, status in re.findall(r"`([A-Z_]+)` \((\d{3})\)", page)}
    others = {(code.value, str(status_of(code))) for code in RequestErrorCode if status_of(code) != 400}
    assert told == others


def test_limits_are_listed_with_their_values_and_codes() -> None:
    listed = {
        row[0]: (row[1], row[2]) for row in rows(section("docs/reference/limits.md", "Of the text of an operation"))
    }
    codes = {name: code.value for name, (code, _) in WORDS.items()}
    assert listed == {
        name: (str(limit), codes.get(name, "QUERY_TOO_LARGE")) for name, limit in vars(QueryLimits()).items()
    }


def test_prices_and_lengths_are_listed() -> None:
    text = " ".join(section("docs/reference/limits.md", "The cost").split())
    fields = [
        (name, field)
        for type_ in build_schema()._schema.type_map.values()
        for name, field in getattr(type_, "fields", {}).items()
        if isinstance(field, GraphQLField)
    ]
    dear = {(name, cost_of(field)) for name, field in fields if cost_of(field) > 1}
    long = {(name, entries) for name, field in fields if (entries := entries_of(field))}
    assert {(name, f"`{name}`" in text and str(number) in text) for name, number in dear | long} == {
        (name, True) for name, _ in dear | long
    }
    assert f"is taken to have {LIST_SIZE}." in text


def test_all_lists_are_listed_with_their_order() -> None:
    page = read("docs/reference/pagination.md")
    query = read_sdl(build_schema().as_str()).type_map["Query"]
    lists = [name for name, field in getattr(query, "fields", {}).items() if str(field.type).endswith("Connection")]
    ordered = re.findall(
        r"`(\w+)`", " ".join(row for row in page.splitlines() if re.match(r"\| `\w+`(, `\w+`)* \|", row))
    )
    assert sorted(ordered) == sorted(lists)


def test_attacks_are_listed_with_their_answers() -> None:
    lines = section("docs/reference/limits.md", "Under attack").splitlines()
    listed = [tuple(line.strip("| ").split(" | ")[:3]) for line in lines if line.startswith("| ")][2:]
    assert listed == [(attack.name, attack.sends, attack.answer) for attack in ATTACKS]


def test_failure_codes_are_listed() -> None:
    listed = [row[0] for row in rows(section("docs/reference/errors.md", "Failures"))]
    assert sorted(listed) == sorted(values(FailureCode))


@pytest.mark.parametrize(("settings", "heading"), list(zip(SETTINGS, PROCESS_HEADINGS, strict=True)))
def test_settings_are_listed_with_their_defaults(settings: type[BaseSettings], heading: str) -> None:
    listed = {row[0]: row[1] for row in rows(section("docs/reference/configuration.md", heading))}
    assert set(listed) == {name.upper() for name in settings.model_fields}
    for name, field in settings.model_fields.items():
        if field.is_required():
            assert listed[name.upper()] == "required", name
        elif field.default_factory is None and field.default not in (None, ()):
            written = str(field.default)
            assert listed[name.upper()] == (written.lower() if isinstance(field.default, bool) else written), name


def test_example_environment_is_complete() -> None:
    example = set(re.findall(r"^([A-Z_]+)=", read(".env.example"), re.MULTILINE))
    documented = {row[0] for row in rows(read("docs/reference/configuration.md"))}
    read_by_processes = {name.upper() for settings in SETTINGS for name in settings.model_fields}
    assert read_by_processes <= example
    assert example <= documented


def test_what_a_token_needs_is_that_of_the_code() -> None:
    page = read("docs/reference/authentication.md")
    numbers = (
        f"{auth.CLOCK_SKEW.seconds} seconds apart",
        f"at most {auth.MAX_TOKEN_CHARACTERS} characters",
        f"last {auth.REMEMBERED_TOKENS} good ones",
        f"every {keys.REFRESH_SECONDS / 60:g} minutes",
        f"good for {keys.LIFETIME_SECONDS / 60:g} minutes more",
        f"than {keys.PAUSE_SECONDS:g} seconds after the last",
        f"at most {keys.FETCH_SECONDS:g} seconds",
        f"{keys.MAX_BYTES // 1024} KiB",
    )
    assert [number for number in numbers if number not in page] == []
    algorithms = {row[0] for row in rows(section("docs/reference/authentication.md", "What signs it"))}
    assert algorithms == {"HS256", *keys.ALGORITHMS.values()}
    assert all(
        f"`{role}`" in section("docs/reference/authentication.md", "What else has to be right") for role in auth.ROLES
    )


def test_states_are_drawn() -> None:
    boxes = re.findall(r"\|\s+(\w+)\s+(?=\|)", fences(read("docs/reference/job-states.md"), "")[0])
    assert values(ExportStatus) == checked_values("export_jobs_status") <= set(boxes)


def test_transitions_are_those_of_the_trigger() -> None:
    enforced = SCHEMA_SQL.partition("not (old.status, new.status) in (")[2].partition(") then")[0]
    allowed = re.findall(r"\('(\w+)', '(\w+)'\)", enforced)
    states = checked_values("export_jobs_status")
    listed = [(row[0], row[1]) for row in rows(read("docs/reference/job-states.md")) if row[1] in states]
    assert sorted(listed) == sorted(allowed)


def test_stages_are_listed_with_their_percent() -> None:
    percents = dict(re.findall(r"when '(\w+)' then (\d+)", SCHEMA_SQL))
    stages = section("docs/reference/job-states.md", "Stages and percent")
    assert {row[0]: row[1] for row in rows(stages)} == percents
    assert set(percents) == values(ExportStage) == checked_values("export_jobs_stage")


def test_backoff_is_the_one_of_the_code() -> None:
    minutes = [min(2**power, CAP_FACTOR) for power in range(7)]
    assert ", ".join(map(str, minutes)) in section("docs/reference/job-states.md", "Back-off")


def test_every_function_and_table_is_listed() -> None:
    made = set(re.findall(r"create (?:or replace )?function (?:resumepair|auth)\.(\w+)", SCHEMA_SQL))
    made |= set(re.findall(r"create table if not exists resumepair\.(\w+)", SCHEMA_SQL))
    page = read("docs/reference/database.md")
    listed = {row[0] for row in rows(page)} | set(re.findall(r"`auth\.(\w+)\(\)`", page))
    assert made <= listed


def test_templates_formats_and_findings_are_listed() -> None:
    page = "docs/reference/rendering.md"
    assert [row[0] for row in rows(section(page, "Templates"))] == list(TEMPLATES)
    assert {row[0] for row in rows(section(page, "Formats"))} == values(Format)
    listed = {row[0]: row[1] for row in rows(section(page, "The verdict"))}
    assert listed == {code.value: str(DEDUCTIONS.get(code, "by share")) for code in FindingCode}


def test_floors_of_fitting_are_those_of_the_code() -> None:
    text = section("docs/reference/rendering.md", "Fitting")
    for floor in (LEAST_FONT_SIZE, LEAST_LINE_HEIGHT, LEAST_LINE_HEIGHT_OF_TALL_SCRIPTS, LEAST_MARGIN):
        assert f"{floor:g}" in text


def values(enum: type[Enum]) -> set[str]:
    return {str(member.value) for member in enum}


def checked_values(constraint: str) -> set[str]:
    """The values that a CHECK of schema.sql allows."""
    match = re.search(rf"constraint {constraint} check \(\s*\w+ in \(([^)]+)\)", SCHEMA_SQL)
    assert match, constraint
    return set(re.findall(r"'(\w+)'", match[1]))


def test_every_key_of_a_document_is_described() -> None:
    page = read("docs/reference/document.md")
    undescribed = [
        f"{name}.{to_camel(field)}"
        for name, model in models_of(ResumeDocument).items()
        for field in model.model_fields
        if f"`{to_camel(field)}`" not in page
    ]
    assert undescribed == []


def test_the_example_document_is_a_good_one() -> None:
    (example,) = re.findall(r"```json\n(.*?)```", read("docs/reference/document.md"), re.DOTALL)
    assert parse_document(json.loads(example)).profile.full_name == "Ada Lovelace"


def models_of(model: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """The model and all that it is made of, by name."""
    found = {model.__name__: model}
    for field in model.model_fields.values():
        for part in (field.annotation, *get_args(field.annotation)):
            if isinstance(part, type) and issubclass(part, BaseModel):
                found |= models_of(part)
    return found


def test_limits_of_a_user_are_those_of_the_schema() -> None:
    columns_and_values = r"\(\s*user_id, (.+)\s*\) values \('[0-9-]+', (.+)\)\n"
    row = re.search(r"insert into resumepair\.user_limits " + columns_and_values, SCHEMA_SQL)
    assert row
    defaults = dict(zip(row[1].split(", "), row[2].split(", "), strict=True))
    lines = section("docs/reference/limits.md", "Of each user").splitlines()
    listed = [line.split(" | ")[1] for line in lines if line.startswith("| ")][1:]
    order = (
        "max_active_requests",
        "max_batch_documents",
        "quota_bytes",
        "max_schedules",
        "max_documents",
        "max_webhooks",
        "max_attempts",
    )
    assert listed == [defaults[name].replace(" * 1024 * 1024", " MB") for name in order]
