/** The history, which Relay pages through. */

import { graphql } from "relay-runtime";

export const list = graphql`
  fragment History_list on Query
  @argumentDefinitions(first: { type: "Int", defaultValue: 20 }, after: { type: "String" }, filter: { type: "HistoryFilter" })
  @refetchable(queryName: "HistoryPageQuery") {
    history(first: $first, after: $after, filter: $filter) @connection(key: "History_history", filters: ["filter"]) {
      edges {
        node {
          id
          fileName
          downloadCount
          job {
            id
            ...Job_state
          }
        }
      }
    }
  }
`;

export const query = graphql`
  query HistoryQuery($filter: HistoryFilter) {
    ...History_list @arguments(filter: $filter)
  }
`;
