"""Relay's compiler takes the schema as it is committed: lists to page through and to change, jobs to follow."""

import shutil
from pathlib import Path

from dev.npm import CLIENTS
from tests.clients.conftest import ROOT, Node

COMPILER = CLIENTS / "node_modules" / "relay-compiler" / "cli.js"


def compile_operations(node: Node, folder: Path) -> dict[str, str]:
    """What the compiler makes of our operations, by name."""
    shutil.copytree(CLIENTS / "relay", folder, dirs_exist_ok=True)
    shutil.copy(ROOT / "graphql" / "schema.graphql", folder)
    artifacts = folder / "__generated__"
    artifacts.mkdir()
    node.run(str(COMPILER), "relay.config.json", folder=folder)
    return {path.name.partition(".")[0]: path.read_text() for path in artifacts.iterdir()}


def test_relay_compiles_operations_against_the_schema(node: Node, tmp_path: Path) -> None:
    artifacts = compile_operations(node, tmp_path)
    for name in ("HistoryPageQuery", "DocumentsPageQuery", "SchedulesPageQuery", "BatchPageQuery"):
        assert '"handle": "connection"' in artifacts[name], "pages are joined in the store"
    assert '"handle": "prependNode"' in artifacts["DocumentsSaveMutation"]
    assert '"handle": "deleteEdge"' in artifacts["SchedulesDeleteMutation"]
    assert '"name": "id"' in artifacts["JobProgressSubscription"], "the store knows whose progress it is"
    for name in ("JobRefetchQuery", "BatchPageQuery"):
        assert '"name": "node"' in artifacts[name], "a part is asked for again by its id alone"
