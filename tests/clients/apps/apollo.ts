/** Apollo Client with its normalised cache. */

import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { SetContextLink } from "@apollo/client/link/context";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { CombinedGraphQLErrors } from "@apollo/client/errors";
import type { Client, Connection } from "./client.ts";
import { socketClient } from "./sockets.ts";

export function connect(connection: Connection): Client {
  const socket = socketClient(connection);
  const signedIn = new SetContextLink(async ({ headers }) => ({
    headers: { ...headers, authorization: `Bearer ${await connection.getToken()}` },
  }));
  const apollo = new ApolloClient({
    cache: new InMemoryCache(),
    link: ApolloLink.split(
      ({ operationType }) => operationType === "subscription",
      new GraphQLWsLink(socket),
      signedIn.concat(new HttpLink({ uri: connection.http })),
    ),
  });
  return {
    async ask(operation, variables = {}) {
      const { data, error } = operation.startsWith("mutation")
        ? await apollo.mutate({ mutation: gql(operation), variables, errorPolicy: "all" })
        : await apollo.query({ query: gql(operation), variables, errorPolicy: "all", fetchPolicy: "network-only" });
      if (error && !CombinedGraphQLErrors.is(error)) throw error;
      return { data, errors: error ? error.errors.map(({ message }) => message) : [] };
    },
    follow: (operation, variables, next) =>
      new Promise((complete, error) =>
        apollo
          .subscribe({ query: gql(operation), variables })
          .subscribe({ next: ({ data, error: failed }) => (failed ? error(failed) : next(data)), error, complete }),
      ),
    watch(operation, variables, next) {
      const watched = apollo
        .watchQuery({ query: gql(operation), variables })
        .subscribe(({ data, dataState }) => dataState === "complete" && next(data));
      return () => watched.unsubscribe();
    },
    async close() {
      apollo.stop();
      await socket.dispose();
    },
  };
}
