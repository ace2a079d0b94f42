/** What each client is asked to do, so that one path can be walked with all of them. */

export type Variables = Record<string, unknown>;

export type Connection = {
  /** The endpoint for queries and mutations. */
  http: string;
  /** The endpoint for subscriptions, by way of a proxy that can cut the connection. */
  subscriptions: string;
  /** Asked again for every request and every connection. */
  getToken: () => Promise<string>;
  /** Told of each connection that was opened, and of each that was closed, with its code. */
  opened: () => void;
  closed: (code: number) => void;
};

export type Answer = { data: any; errors: string[] };

export interface Client {
  ask(operation: string, variables?: Variables): Promise<Answer>;
  /** Calls `next` with the data of each message; ends when the server ends the subscription. */
  follow(operation: string, variables: Variables, next: (data: any) => void): Promise<void>;
  /** Normalised caches only: calls `next` whenever what the cache answers to a query has changed. */
  watch?(operation: string, variables: Variables, next: (data: any) => void): () => void;
  close(): Promise<void>;
}
