from pathlib import Path

from graphql import GraphQLNamedType, GraphQLObjectType, build_schema
from resumepair_graphql.exports import TEMPLATES
from resumepair_graphql.proofs import FindingCode, Fit
from resumepair_graphql.schema import build_schema as build_own_schema
from resumepair_graphql.states import ExportStage, ExportStatus
from resumepair_renderer import TEMPLATES as RENDERER_TEMPLATES
from resumepair_renderer import FindingCode as RendererFindingCode
from resumepair_renderer import Fit as RendererFit

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
        if not type_.description and type_.name not in ("Query", "Mutation", "Subscription"):
            undescribed.append(type_.name)
        for name, field in getattr(type_, "fields", {}).items():
            if not field.description:
                undescribed.append(f"{type_.name}.{name}")
            undescribed += [
                f"{type_.name}.{name}({argument})"
                for argument, value in getattr(field, "args", {}).items()
                if not value.description and argument != "input"
            ]
        undescribed += [f"{type_.name}.{n}" for n, v in getattr(type_, "values", {}).items() if not v.description]
    assert undescribed == []


def test_roots_are_nullable_so_that_one_failure_does_not_blank_its_siblings() -> None:
    schema = build_schema(SDL)
    for root in (schema.query_type, schema.mutation_type, schema.subscription_type):
        assert isinstance(root, GraphQLObjectType)
        assert [name for name, field in root.fields.items() if str(field.type).endswith("!")] == []


def test_templates_are_the_renderers() -> None:
    assert set(TEMPLATES) == set(RENDERER_TEMPLATES)


def test_findings_and_fits_are_the_renderers() -> None:
    assert [code.value for code in FindingCode] == [code.value for code in RendererFindingCode]
    assert [fit.value for fit in Fit] == [fit.value for fit in RendererFit]


def test_states_and_stages_are_the_databases() -> None:
    sql = (ROOT / "schema.sql").read_text()
    assert f"check (status in {tuple(s.value for s in ExportStatus)})" in sql
    for stage in ExportStage:
        assert f"when '{stage.value}' then" in sql
