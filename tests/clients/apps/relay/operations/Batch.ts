/** A batch, whose jobs Relay pages through by the batch's own id. */

import { graphql } from "relay-runtime";

export const jobs = graphql`
  fragment Batch_jobs on ExportBatch
  @argumentDefinitions(first: { type: "Int", defaultValue: 20 }, after: { type: "String" })
  @refetchable(queryName: "BatchPageQuery") {
    percent
    jobs(first: $first, after: $after) @connection(key: "Batch_jobs") {
      edges {
        node {
          ...Job_state
        }
      }
    }
  }
`;
