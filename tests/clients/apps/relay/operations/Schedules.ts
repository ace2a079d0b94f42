/** The schedules, from whose list a deleted one goes. */

import { graphql } from "relay-runtime";

export const list = graphql`
  fragment Schedules_list on Query
  @argumentDefinitions(first: { type: "Int", defaultValue: 20 }, after: { type: "String" })
  @refetchable(queryName: "SchedulesPageQuery") {
    schedules(first: $first, after: $after) @connection(key: "Schedules_schedules") {
      edges {
        node {
          cron
          timeZone
          nextRunAt
          lastJob {
            ...Job_state
          }
        }
      }
    }
  }
`;

export const deleting = graphql`
  mutation SchedulesDeleteMutation($input: DeleteScheduleInput!, $connections: [ID!]!) {
    deleteSchedule(input: $input) {
      deletedId @deleteEdge(connections: $connections)
      errors {
        code
        message
      }
    }
  }
`;
