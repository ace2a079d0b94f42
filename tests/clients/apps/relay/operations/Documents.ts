/** The documents, to whose list a saved one is added. */

import { graphql } from "relay-runtime";

export const list = graphql`
  fragment Documents_list on Query
  @argumentDefinitions(first: { type: "Int", defaultValue: 20 }, after: { type: "String" })
  @refetchable(queryName: "DocumentsPageQuery") {
    documents(first: $first, after: $after) @connection(key: "Documents_documents") {
      edges {
        node {
          title
          version
          updatedAt
        }
      }
    }
  }
`;

export const saving = graphql`
  mutation DocumentsSaveMutation($input: SaveDocumentInput!, $connections: [ID!]!) {
    saveDocument(input: $input) {
      document @prependNode(connections: $connections, edgeTypeName: "DocumentEdge") {
        title
        version
        updatedAt
      }
      errors {
        code
        message
        path
      }
    }
  }
`;
