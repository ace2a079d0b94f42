"""The states and stages of an export job, as `schema.sql` has them."""

from enum import Enum

import strawberry

from resumepair_graphql.enums import described


@strawberry.enum(description="The state of an export job.")
class ExportStatus(Enum):
    """The states of the machine that schema.sql enforces."""

    PENDING = described("pending", "Waiting for its turn, or for its next attempt.")
    PROCESSING = described("processing", "A worker is at it.")
    COMPLETED = described("completed", "The file is there. Final.")
    FAILED = described("failed", "It did not work out; `failure` says why. Final unless retried.")
    CANCELLED = described("cancelled", "The user cancelled it. Final.")


FINAL = frozenset({ExportStatus.COMPLETED, ExportStatus.FAILED, ExportStatus.CANCELLED})


@strawberry.enum(description="What the present attempt of a job is doing.")
class ExportStage(Enum):
    """The stages of schema.sql; each stands for a percentage."""

    QUEUED = described("queued", "Not begun: 0 %.")
    CLAIMED = described("claimed", "A worker has taken it and checks the document: 10 %.")
    RENDERING = described("rendering", "The document is good and is being printed: 30 %.")
    VERIFYING = described("verifying", "The printed file is being read back: 60 %.")
    UPLOADING = described("uploading", "The file is on its way into storage: 80 %.")
    PUBLISHING = described("publishing", "The file is being entered into the history: 90 %.")
    DONE = described("done", "All is done: 100 %.")
