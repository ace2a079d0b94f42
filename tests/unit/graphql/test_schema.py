import re
from pathlib import Path
from typing import get_args

from graphql import (
    GraphQLNamedType,
    GraphQLObjectType,
    build_schema,
    get_named_type,
    is_scalar_type,
    is_specified_scalar_type,
)
from resumepair_graphql.options import ExportFormat, PageSize
from resumepair_graphql.proofs import FindingCode, Fit
from resumepair_graphql.schema import build_schema as build_own_schema
from resumepair_graphql.states import ExportStage, ExportStatus
from resumepair_graphql.templates import TEMPLATES
from resumepair_renderer import TEMPLATES as RENDERER_TEMPLATES
from resumepair_renderer import FindingCode as RendererFindingCode
from resumepair_renderer import Fit as RendererFit
from resumepair_renderer import Format as RendererFormat
from resumepair_renderer.options import PageSize as RendererPageSize
from resumepair_renderer.templates import DEFAULT_TEMPLATE

ROOT = Path(__file__).parents[3]
SDL = build_own_schema().as_str()


def own_types() -> list[GraphQLNamedType]:
    types = build_schema(SDL).type_map.values()
    return [type_ for type_ in types if not type_.name.startswith("__") and type_.name not in ("String", "Boolean")]


def test_committed_sdl_is_the_codes() -> None:
    assert (ROOT / "graphql" / "schema.graphql").read_text() == SDL + "\n"


def test_every_type_field_argument_and_value_is_described() -> None:
    undescribed: list[str] = []
    for type_ in own_types():
        if not type_.description:
            undescribed.append(type_.name)
        for name, field in getattr(type_, "fields", {}).items():
            if not field.description:
                undescribed.append(f"{type_.name}.{name}")
            arguments = getattr(field, "args", {}).items()
            undescribed += [f"{type_.name}.{name}({argument})" for argument, v in arguments if not v.description]
        undescribed += [f"{type_.name}.{n}" for n, v in getattr(type_, "values", {}).items() if not v.description]
    assert undescribed == []


def test_custom_scalars_say_where_they_are_specified() -> None:
    scalars = [type_ for type_ in own_types() if is_scalar_type(type_) and not is_specified_scalar_type(type_)]
    assert {scalar.name for scalar in scalars} == {"BigInt", "DateTime", "JSON"}
    assert [scalar.name for scalar in scalars if not scalar.specified_by_url] == []


def test_what_is_deprecated_says_since_when_and_what_to_use() -> None:
    for type_ in own_types():
        members = {**getattr(type_, "fields", {}), **getattr(type_, "values", {})}
        reasons = {f"{type_.name}.{name}": member.deprecation_reason for name, member in members.items()}
        assert {n: r for n, r in reasons.items() if r and not re.match(r"Since \d{4}-\d\d-\d\d: ", r)} == {}


def test_every_mutation_takes_one_input_and_answers_with_errors() -> None:
    mutations = build_schema(SDL).mutation_type
    assert mutations
    for name, field in mutations.fields.items():
        assert [*field.args] == ["input"], name
        payload = get_named_type(field.type)
        assert isinstance(payload, GraphQLObjectType)
        assert str(payload.fields["errors"].type) == "[UserError!]!", name


def test_what_creates_something_takes_an_idempotency_key_and_tells_a_replay() -> None:
    mutations = build_schema(SDL).mutation_type
    assert mutations
    creating = ("saveDocument", "exportPdf", "exportBatch", "scheduleExport", "registerWebhook")
    for name in creating:
        field = mutations.fields[name]
        assert "idempotencyKey" in get_named_type(field.args["input"].type).fields, name
        assert "replayed" in get_named_type(field.type).fields, name
    keyed = [n for n, f in mutations.fields.items() if "idempotencyKey" in get_named_type(f.args["input"].type).fields]
    assert sorted(keyed) == sorted(creating)


def test_roots_are_nullable_so_that_one_failure_does_not_blank_its_siblings() -> None:
    schema = build_schema(SDL)
    for root in (schema.query_type, schema.mutation_type, schema.subscription_type):
        assert isinstance(root, GraphQLObjectType)
        assert [name for name, field in root.fields.items() if str(field.type).endswith("!")] == []


def test_templates_are_the_renderers() -> None:
    ours = [
        (t.name, t.description, t.font_family, t.primary_color, t.has_sidebar, t.is_dense, t.is_default)
        for t in TEMPLATES
    ]
    assert ours == [
        (t.name, t.description, t.font_family, t.primary, bool(t.sidebar), t.is_dense, t.name == DEFAULT_TEMPLATE)
        for t in RENDERER_TEMPLATES.values()
    ]


def test_page_sizes_and_formats_are_the_renderers() -> None:
    assert [size.value for size in PageSize] == list(get_args(RendererPageSize))
    assert {format_.value for format_ in ExportFormat} <= {format_.value for format_ in RendererFormat}


def test_findings_and_fits_are_the_renderers() -> None:
    assert [code.value for code in FindingCode] == [code.value for code in RendererFindingCode]
    assert [fit.value for fit in Fit] == [fit.value for fit in RendererFit]


def test_states_and_stages_are_the_databases() -> None:
    sql = (ROOT / "schema.sql").read_text()
    assert f"check (status in {tuple(s.value for s in ExportStatus)})" in sql
    for stage in ExportStage:
        assert f"when '{stage.value}' then" in sql
