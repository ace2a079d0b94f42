/** A job, asked for and followed. */

import { graphql } from "relay-runtime";

export const state = graphql`
  fragment Job_state on ExportJob @refetchable(queryName: "JobRefetchQuery") {
    status
    attempt
    progress {
      percent
      stage
      sequence
    }
    artifact {
      url
      byteSize
    }
    failure {
      code
      message
      retryable
    }
  }
`;

export const query = graphql`
  query JobQuery($id: ID!) {
    job(id: $id) {
      ...Job_state
    }
  }
`;

export const progress = graphql`
  subscription JobProgressSubscription($id: ID!, $after: Int) {
    jobProgress(id: $id, afterSequence: $after) {
      ...Job_state
    }
  }
`;

export const exporting = graphql`
  mutation JobExportMutation($input: ExportPdfInput!) {
    exportPdf(input: $input) {
      job {
        ...Job_state
      }
      replayed
      errors {
        code
        message
        path
        ... on RateLimited {
          active
          limit
        }
        ... on QuotaExceeded {
          used
          quota
        }
      }
    }
  }
`;

export const cancelling = graphql`
  mutation JobCancelMutation($input: JobInput!) {
    cancel(input: $input) {
      job {
        ...Job_state
      }
      errors {
        code
        message
      }
    }
  }
`;
