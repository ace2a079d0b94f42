/** The operations of the main path. */

export const SAVE = `mutation Save($input: SaveDocumentInput!) {
  saveDocument(input: $input) { document { id version } errors { code message path } }
}`;

export const EXPORT = `mutation Export($input: ExportPdfInput!) {
  exportPdf(input: $input) { job { id status } replayed errors { code message path } }
}`;

export const CANCEL = `mutation Cancel($id: ID!) {
  cancel(input: { jobId: $id }) { job { id status } errors { code message } }
}`;

export const RETRY = `mutation Retry($id: ID!) {
  retry(input: { jobId: $id }) { job { id status } errors { code message } }
}`;

export const JOB = `query Job($id: ID!) {
  job(id: $id) { id status progress { percent stage sequence } }
}`;

export const FOLLOW = `subscription Follow($id: ID!, $after: Int) {
  jobProgress(id: $id, afterSequence: $after) {
    id status attempt
    progress { percent stage sequence }
    artifact { url byteSize sha256 exportId }
    failure { code message retryable }
  }
}`;

export const EXPORT_BATCH = `mutation ExportBatch($input: ExportBatchInput!) {
  exportBatch(input: $input) {
    batch { id jobs(first: 10) { edges { node { id status } } } }
    replayed errors { code message path }
  }
}`;

export const FOLLOW_BATCH = `subscription FollowBatch($id: ID!, $after: Int) {
  batchProgress(id: $id, afterSequence: $after) { id sequence percent total completed finishedAt }
}`;

export const HISTORY = `query History($first: Int!, $after: String) {
  history(first: $first, after: $after) {
    edges { node { id fileName job { id } } }
    pageInfo { hasNextPage endCursor }
  }
}`;

export const DOWNLOAD = `mutation Download($id: ID!) {
  createDownloadUrl(input: { exportId: $id }) { url expiresAt errors { code message } }
}`;
