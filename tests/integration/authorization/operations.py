"""Which caller gets what of every operation: the data of `test_operations.py`.

A field that the schema gains needs a row here: an operation that has it as its only root field, and what comes of it
for each who is let in. Whoever is not (expired, forged ...) is refused before the operation is looked at.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from resumepair_graphql.templates import TEMPLATES
from tests.integration.authorization.world import World, global_id
from tests.integration.conftest import Person

VALUE = "a value"  # of the owner's alone, as only one caller, or who may see everything, is given it
EMPTY = "nothing"  # null, or a list without anything
NOT_FOUND = "NOT_FOUND"
FORBIDDEN = "FORBIDDEN"
UNAUTHENTICATED = "UNAUTHENTICATED"


Outcome = str | Callable[[World], object]


@dataclass(frozen=True)
class Operation:
    """One row: the operation, of objects that belong to `owner`, and the outcome for each caller.

    `variables` may make new objects of the owner's, for an operation that uses them up, or of the other user's. Where
    several callers get something, each gets something else: a function gives it, the very value of the root field.
    """

    name: str
    text: str
    variables: Callable[[World], dict[str, Any]]
    owner: Outcome = VALUE
    other: Outcome = NOT_FOUND
    anon: Outcome = UNAUTHENTICATED
    service_role: Outcome = FORBIDDEN

    @property
    def is_subscription(self) -> bool:
        return self.text.lstrip().startswith("subscription")


def nothing(_: World) -> dict[str, Any]:
    return {}


def id_of(kind: str) -> Callable[[World], dict[str, Any]]:
    return lambda world: {"id": getattr(world, kind)}


def everybody_has_a_job(world: World) -> dict[str, Any]:
    world.new_job()
    world.other.export()
    return {}


def everybody_has_an_export(world: World) -> dict[str, Any]:
    """The owner has some already, of more bytes."""
    world.worker.finish(world.other.export(), OTHERS_BYTES)
    return {}


OTHERS_BYTES = 500


def viewer(id_: object, role: str, used: int) -> dict[str, Any]:
    return {"id": id_ and str(id_), "role": role, "usage": {"bytesUsed": used}}


def templates(_: World) -> object:
    return [{"name": template.name} for template in TEMPLATES]


def figures(completed: int, used: int) -> dict[str, Any]:
    return {"completed": completed, "bytesUsed": used, "templates": [{"template": "classic", "completed": completed}]}


def figures_of_all(world: World) -> object:
    return figures(**world.figures_of())


def latest_document(person: Person) -> object:
    (row,) = person.run("select id from resumepair.documents order by created_at desc limit 1")
    return {"document": {"id": global_id("Document", row["id"])}, "errors": []}


def latest_job(person: Person) -> object:
    (row,) = person.run(
        "select j.id, d.title from resumepair.export_jobs as j join resumepair.documents as d on d.id = j.document_id"
        " order by j.created_at desc limit 1"
    )
    return {"id": global_id("ExportJob", row["id"]), "document": {"title": row["title"]}}


OPERATIONS = (
    # ------------------------------------------------------------------------------------------------------- queries
    Operation(
        "me",
        "query { me { id role usage { bytesUsed } } }",
        everybody_has_an_export,
        owner=lambda world: viewer(world.owner.id, "AUTHENTICATED", world.figures_of(world.owner)["used"]),
        other=lambda world: viewer(world.other.id, "AUTHENTICATED", OTHERS_BYTES),
        anon=EMPTY,
        service_role=lambda _: viewer(None, "SERVICE_ROLE", 0),
    ),
    Operation("templates", "query { templates { name } }", nothing, templates, templates, templates, templates),
    *(
        Operation(
            f"node, {kind}",
            "query ($id: ID!) { node(id: $id) { id ... on Document { title } ... on Export { documentTitle } } }",
            id_of(kind),
            other=EMPTY,
            service_role=EMPTY if kind == "document" else VALUE,
        )
        for kind in ("document", "job", "batch", "export", "bundle", "schedule", "webhook", "delivery")
    ),
    Operation(
        "nodes",
        "query ($ids: [ID!]!) { nodes(ids: $ids) { id ... on Document { title } } }",
        lambda world: {
            "ids": [
                world.document,
                world.job,
                world.batch,
                world.export,
                world.bundle,
                world.schedule,
                world.webhook,
            ],
        },
        other=EMPTY,
        service_role=VALUE,
    ),
    Operation(
        "jobs",
        "query { jobs { edges { node { id document { title } } } } }",
        nothing,
        other=EMPTY,
        service_role=EMPTY,
    ),
    Operation(
        "document",
        "query ($id: ID!) { document(id: $id) { id title data } }",
        lambda world: {"id": world.document},
        other=EMPTY,
        service_role=EMPTY,
    ),
    Operation(
        "documents",
        "query { documents { edges { node { id title } } } }",
        nothing,
        other=EMPTY,
        service_role=EMPTY,
    ),
    Operation(
        "job",
        "query ($id: ID!) { job(id: $id) { id status artifact { url fileName } document { title } } }",
        lambda world: {"id": world.job},
        other=EMPTY,
        service_role=VALUE,
    ),
    Operation(
        "batch",
        "query ($id: ID!) { batch(id: $id) { id jobs { edges { node { id document { title } } } } } }",
        lambda world: {"id": world.batch},
        other=EMPTY,
        service_role=VALUE,
    ),
    Operation(
        "history",
        "query { history { edges { node { id documentTitle job { id } } } } }",
        nothing,
        other=EMPTY,
        service_role=EMPTY,
    ),
    Operation(
        "history of a document",
        "query ($id: ID!) { history(filter: {documentId: $id}) { edges { node { id documentTitle } } } }",
        lambda world: {"id": world.document},
        other=EMPTY,
        service_role=EMPTY,
    ),
    Operation(
        "stats",
        "query { stats { completed bytesUsed templates { template completed } } }",
        everybody_has_an_export,
        owner=lambda world: figures(**world.figures_of(world.owner)),
        other=lambda _: figures(1, OTHERS_BYTES),
        service_role=figures_of_all,
    ),
    Operation(
        "schedules",
        "query { schedules { edges { node { id document { title } } } } }",
        nothing,
        other=EMPTY,
        service_role=EMPTY,
    ),
    Operation(
        "webhooks",
        "query { webhooks { edges { node { id url deliveries { edges { node { payload } } } } } } }",
        nothing,
        other=EMPTY,
        service_role=EMPTY,
    ),
    # ----------------------------------------------------------------------------------------------------- mutations
    Operation(
        "saveDocument, a new one",
        'mutation { saveDocument(input: {title: "CV", data: {}}) { document { id } errors { code } } }',
        nothing,
        owner=lambda world: latest_document(world.owner),
        other=lambda world: latest_document(world.other),
    ),
    Operation(
        "saveDocument, a change",
        'mutation ($id: ID!) { saveDocument(input: {id: $id, title: "mine"}) { document { id } errors { code } } }',
        lambda world: {"id": world.new_document()},
    ),
    Operation(
        "deleteDocument",
        "mutation ($id: ID!) { deleteDocument(input: {documentId: $id}) { deletedId errors { code } } }",
        lambda world: {"id": world.new_document()},
    ),
    Operation(
        "exportPdf",
        "mutation ($id: ID!) { exportPdf(input: {documentId: $id}) { job { id } errors { code } } }",
        lambda world: {"id": world.document},
    ),
    Operation(
        "exportBatch",
        "mutation ($id: ID!) { exportBatch(input: {documentIds: [$id]}) { batch { id } errors { code } } }",
        lambda world: {"id": world.document},
    ),
    Operation(
        "cancel",
        "mutation ($id: ID!) { cancel(input: {jobId: $id}) { job { id } errors { code } } }",
        lambda world: {"id": world.new_job()},
    ),
    Operation(
        "retry",
        "mutation ($id: ID!) { retry(input: {jobId: $id}) { job { id } errors { code } } }",
        lambda world: {"id": world.new_failed_job()},
    ),
    Operation(
        "cancelBatch",
        "mutation ($id: ID!) { cancelBatch(input: {batchId: $id}) { batch { id } errors { code } } }",
        lambda world: {"id": world.new_batch()},
    ),
    Operation(
        "createDownloadUrl",
        "mutation ($id: ID!) { createDownloadUrl(input: {exportId: $id}) { url errors { code } } }",
        lambda world: {"id": world.export},
    ),
    Operation(
        "createDownloadUrl, a bundle",
        "mutation ($id: ID!) { createDownloadUrl(input: {exportId: $id}) { url errors { code } } }",
        lambda world: {"id": world.bundle},
    ),
    Operation(
        "bundleBatch",
        "mutation ($id: ID!) { bundleBatch(input: {batchId: $id}) { batch { id } errors { code } } }",
        lambda world: {"id": global_id("ExportBatch", world.new_finished_batch())},
    ),
    Operation(
        "deleteExport",
        "mutation ($id: ID!) { deleteExport(input: {exportId: $id}) { deletedId errors { code } } }",
        lambda world: {"id": world.new_export()},
    ),
    Operation(
        "deleteExport, a bundle",
        "mutation ($id: ID!) { deleteExport(input: {exportId: $id}) { deletedId errors { code } } }",
        lambda world: {"id": world.new_bundle()},
    ),
    Operation(
        "scheduleExport",
        "mutation ($id: ID!) {"
        ' scheduleExport(input: {documentId: $id, cron: "0 8 * * MON"}) { schedule { id } errors { code } } }',
        lambda world: {"id": world.document},
    ),
    Operation(
        "deleteSchedule",
        "mutation ($id: ID!) { deleteSchedule(input: {scheduleId: $id}) { deletedId errors { code } } }",
        lambda world: {"id": world.new_schedule()},
    ),
    Operation(
        "registerWebhook",
        "mutation {"
        ' registerWebhook(input: {url: "https://hooks.example.com/"}) { webhook { id } secret errors { code } } }',
        nothing,
        other=VALUE,
    ),
    Operation(
        "deleteWebhook",
        "mutation ($id: ID!) { deleteWebhook(input: {webhookId: $id}) { deletedId errors { code } } }",
        lambda world: {"id": world.new_webhook()},
    ),
    Operation(
        "rotateWebhookSecret",
        "mutation ($id: ID!) {"
        " rotateWebhookSecret(input: {webhookId: $id}) { webhook { id } secret errors { code } } }",
        lambda world: {"id": world.webhook},
    ),
    Operation(
        "enableWebhook",
        "mutation ($id: ID!) { enableWebhook(input: {webhookId: $id}) { webhook { id } errors { code } } }",
        lambda world: {"id": world.webhook},
    ),
    Operation(
        "testWebhook",
        "mutation ($id: ID!) { testWebhook(input: {webhookId: $id}) { delivery { id } errors { code } } }",
        lambda world: {"id": world.new_webhook()},
    ),
    Operation(
        "redeliverWebhook",
        "mutation ($id: ID!) {"
        " redeliverWebhook(input: {deliveryId: $id}) { delivery { id payload } errors { code } } }",
        lambda world: {"id": world.new_failed_delivery()},
    ),
    # ------------------------------------------------------------------------------------------------- subscriptions
    Operation(
        "jobProgress",
        "subscription ($id: ID!) { jobProgress(id: $id) { id artifact { url } document { title } } }",
        lambda world: {"id": world.job},
        other=EMPTY,
        service_role=VALUE,
    ),
    Operation(
        "batchProgress",
        "subscription ($id: ID!) { batchProgress(id: $id) { id jobs { edges { node { id } } } } }",
        lambda world: {"id": world.batch},
        other=EMPTY,
        service_role=VALUE,
    ),
    # It never ends: the first that everybody hears of is a job of their own.
    Operation(
        "activity",
        "subscription { activity { id document { title } } }",
        everybody_has_a_job,
        other=lambda world: latest_job(world.other),
    ),
)
