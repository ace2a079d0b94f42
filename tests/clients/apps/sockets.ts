/** The WebSocket client below graphql-ws, Apollo and urql alike. */

import { createClient, type Client as SocketClient } from "graphql-ws";
import type { Connection } from "./client.ts";
import { resumable } from "./resumable.ts";

export function socketClient({ subscriptions, getToken, opened, closed }: Connection): SocketClient {
  return resumable(
    createClient({
      url: subscriptions.replace("http", "ws"),
      connectionParams: async () => ({ authorization: `Bearer ${await getToken()}` }),
      shouldRetry: () => true, // also after an error event, which comes before the close when the network breaks
      retryWait: async () => {}, // the test has no time for the default's seconds
      on: { connected: opened, closed: (event) => closed((event as CloseEvent).code) },
    }),
  );
}
