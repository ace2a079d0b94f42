import type { Client } from "graphql-ws";

/** The same client, whose subscriptions with `$after` go on where they stopped when it connects again. */
export function resumable(client: Client): Client {
  const subscribe: Client["subscribe"] = (payload, sink) => {
    const variables: Record<string, unknown> = { ...payload.variables };
    return client.subscribe({ ...payload, variables }, {
      next(result) {
        variables.after = sequenceOf(result.data) ?? variables.after;
        sink.next(result as never);
      },
      error: (error) => sink.error(error),
      complete: () => sink.complete(),
    });
  };
  return { ...client, subscribe };
}

function sequenceOf(data: any): number | undefined {
  return data?.jobProgress?.progress?.sequence ?? data?.batchProgress?.sequence;
}
