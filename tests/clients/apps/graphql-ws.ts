/** graphql-ws alone: everything over one WebSocket. */

import type { Client, Connection } from "./client.ts";
import { socketClient } from "./sockets.ts";

export function connect(connection: Connection): Client {
  const socket = socketClient(connection);
  return {
    async ask(query, variables = {}) {
      for await (const { data, errors } of socket.iterate({ query, variables })) {
        return { data, errors: (errors ?? []).map(({ message }) => message) };
      }
      throw new Error("no answer");
    },
    follow: (query, variables, next) =>
      new Promise((complete, error) =>
        socket.subscribe({ query, variables }, { next: ({ data }) => next(data), error, complete }),
      ),
    close: async () => socket.dispose(),
  };
}
