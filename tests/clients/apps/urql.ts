/** urql with its normalised cache; its exchange for authentication sends the token. */

import { Client as Urql, fetchExchange, subscriptionExchange, type OperationResult } from "@urql/core";
import { authExchange } from "@urql/exchange-auth";
import { cacheExchange } from "@urql/exchange-graphcache";
import type { Answer, Client, Connection } from "./client.ts";
import { socketClient } from "./sockets.ts";

export function connect(connection: Connection): Client {
  const socket = socketClient(connection);
  const urql = new Urql({
    url: connection.http,
    exchanges: [
      cacheExchange({ keys: keysOfParts }),
      authExchange(async (utils) => {
        let token = await connection.getToken();
        return {
          addAuthToOperation: (operation) => utils.appendHeaders(operation, { Authorization: `Bearer ${token}` }),
          didAuthError: (error) => error.response?.status === 401,
          refreshAuth: async () => void (token = await connection.getToken()),
        };
      }),
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query, variables }) => ({
          subscribe: (sink) => ({ unsubscribe: socket.subscribe({ query: query!, variables }, sink as never) }),
        }),
      }),
    ],
  });
  return {
    ask: async (operation, variables = {}) =>
      answer(
        await (operation.startsWith("mutation")
          ? urql.mutation(operation, variables)
          : urql.query(operation, variables, { requestPolicy: "network-only" })
        ).toPromise(),
      ),
    follow: (operation, variables, next) =>
      new Promise((resolve, reject) => {
        urql.subscription(operation, variables).subscribe(({ data, error, hasNext }) => {
          if (error) reject(error);
          else if (hasNext) next(data);
          else resolve(); // the last message is given once more, with the end
        });
      }),
    watch: (operation, variables, next) =>
      urql.query(operation, variables).subscribe(({ data, stale }) => data && !stale && next(data)).unsubscribe,
    close: async () => socket.dispose(),
  };
}

/** Types without an id are parts of the object they hang on. */
const keysOfParts = Object.fromEntries(
  ["Progress", "Artifact", "Failure"].map((type) => [type, () => null]),
);

function answer({ data, error }: OperationResult): Answer {
  if (error?.networkError) throw error.networkError;
  return { data, errors: (error?.graphQLErrors ?? []).map(({ message }) => message) };
}
