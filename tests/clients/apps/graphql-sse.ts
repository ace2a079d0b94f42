/** graphql-sse: everything as Server-Sent Events, a request for each operation. */

import { createClient, type Client as EventClient } from "graphql-sse";
import type { Client, Connection } from "./client.ts";
import { resumable } from "./resumable.ts";

export function connect({ subscriptions, getToken, opened, closed }: Connection): Client {
  const client = createClient({
    url: subscriptions,
    headers: async () => ({ authorization: `Bearer ${await getToken()}` }),
    retry: async () => closed(0), // a stream has no code; and the test has no time for the default's seconds
    on: { connected: opened },
  });
  const events = resumable(client as never) as unknown as EventClient; // it subscribes in the same way
  return {
    async ask(query, variables = {}) {
      for await (const { data, errors } of client.iterate<any>({ query, variables })) {
        return { data, errors: (errors ?? []).map(({ message }) => message) };
      }
      throw new Error("no answer");
    },
    follow: (query, variables, next) =>
      new Promise((complete, error) =>
        events.subscribe<any>({ query, variables }, { next: ({ data }) => data && next(data), error, complete }),
      ),
    close: async () => client.dispose(),
  };
}
