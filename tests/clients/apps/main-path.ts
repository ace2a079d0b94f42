/** Walks the main path with one client, `node main-path.ts apollo`, and prints what it found. */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Client, Connection } from "./client.ts";
import * as operation from "./operations.ts";
import { Counter, issueToken, releaseWorker, say, startProxy } from "./surroundings.ts";

const product = new URL(process.env.URL!);
const proxy = await startProxy(product);
const CLOCK_SKEW = 10; // seconds that are forgiven
const connections = new Counter();
const closed: number[] = [];
let lifetime = 3600; // of the next token, in seconds

const { connect }: { connect: (connection: Connection) => Client } = await import(`./${process.argv[2]}.ts`);
const client = connect({
  http: `${product.origin}/graphql`,
  subscriptions: `${proxy.url}/graphql`,
  getToken: async () => issueToken(lifetime),
  opened: connections.up,
  closed: (code) => closed.push(code),
});

const resume = JSON.parse(readFileSync(process.env.DOCUMENT!, "utf8"));
const document = await save("Grace");
const job = await exported({ documentId: document, idempotencyKey: "once" });
const again = await exported({ documentId: document, idempotencyKey: "once" });
say("idempotency", { first: job.replayed, again: again.replayed, same: job.job.id === again.job.id });
say("cancelled", await cancelled());
const artifact = await followThroughTrouble(job.job.id);
say("downloads", [await download(artifact.url), await download(await downloadUrl(artifact.exportId)), artifact.sha256]);
say("batch", await batch([document, await save("Ada")]));
say("pages", await pages());
say("retried", await retried());
say("refusals", await refusals(job.job.id));
await client.close();
proxy.stop();
process.exit();

async function ask(text: string, variables: Record<string, unknown>): Promise<any> {
  const { data, errors } = await client.ask(text, variables);
  if (errors.length) throw new Error(errors.join());
  return Object.values(data)[0];
}

async function save(title: string, data: unknown = resume): Promise<string> {
  return (await ask(operation.SAVE, { input: { title, data } })).document.id;
}

async function exported(input: object): Promise<any> {
  return ask(operation.EXPORT, { input });
}

async function cancelled(): Promise<string[]> {
  const { job } = await exported({ documentId: document });
  return [job.status, (await ask(operation.CANCEL, { id: job.id })).job.status];
}

/** The worker stands still, so that the job is not done before its connection was cut and its token expired. */
async function followThroughTrouble(id: string): Promise<any> {
  const states: any[] = [];
  const messages = new Counter();
  const cached = cachedStates(id);
  const end = client.follow(operation.FOLLOW, { id }, ({ jobProgress }) => {
    states.push(jobProgress);
    messages.up();
  });
  await messages.reached(1);
  closed.length = 0;
  const opened = connections.count;
  lifetime = 2 - CLOCK_SKEW;
  proxy.cut();
  await connections.reached(opened + 1);
  lifetime = 3600;
  await connections.reached(opened + 2);
  await releaseWorker();
  await end;
  say("closed", closed);
  say("states", states.map(({ status, progress }) => [progress.sequence, progress.percent, status]));
  say("cached", await cached);
  return states.at(-1).artifact;
}

/** What a query for the job shows while a subscription changes it, until it is completed; clients without a cache: nothing. */
function cachedStates(id: string): Promise<any[]> | undefined {
  if (!client.watch) return undefined;
  const { promise, resolve } = Promise.withResolvers<any[]>();
  const states: any[] = [];
  const stop = client.watch(operation.JOB, { id }, ({ job }) => {
    states.push([job.status, job.progress.percent]);
    if (job.status === "COMPLETED") resolve(states);
  });
  return promise.finally(() => stop());
}

async function download(url: string): Promise<{ start: string; sha256: string }> {
  const file = Buffer.from(await (await fetch(url)).arrayBuffer());
  return { start: file.toString("latin1", 0, 5), sha256: createHash("sha256").update(file).digest("hex") };
}

async function downloadUrl(id: string): Promise<string> {
  return (await ask(operation.DOWNLOAD, { id })).url;
}

async function batch(documentIds: string[]): Promise<any> {
  const { batch } = await ask(operation.EXPORT_BATCH, { input: { documentIds } });
  let last: any;
  await client.follow(operation.FOLLOW_BATCH, { id: batch.id }, ({ batchProgress }) => (last = batchProgress));
  return { jobs: batch.jobs.edges.length, completed: last.completed, percent: last.percent };
}

async function pages(): Promise<string[][]> {
  const found: string[][] = [];
  for (let after: string | null = null, more = true; more; ) {
    const { edges, pageInfo }: any = await ask(operation.HISTORY, { first: 2, after });
    found.push(edges.map(({ node }: any) => node.id));
    ({ hasNextPage: more, endCursor: after } = pageInfo);
  }
  return found;
}

/** A job that failed, tried again by hand, to its second end. */
async function retried(): Promise<string[]> {
  const { job } = await exported({ documentId: await save("Not a résumé", { profile: 7 }) });
  const states: any[] = [];
  const next = ({ jobProgress }: any) => states.push(jobProgress);
  await client.follow(operation.FOLLOW, { id: job.id }, next);
  await ask(operation.RETRY, { id: job.id });
  await client.follow(operation.FOLLOW, { id: job.id }, next);
  return [states.at(-1).status, `${states.at(-1).attempt}`, states.at(-1).failure.code];
}

async function refusals(jobId: string): Promise<string[]> {
  const unknown = await exported({ documentId: "RG9jdW1lbnQ6MDAwMDAwMDAtMDAwMC00MDAwLTgwMDAtMDAwMDAwMDAwMDAw" });
  const late = await ask(operation.CANCEL, { id: jobId });
  return [unknown.errors[0].code, late.errors[0].code];
}
