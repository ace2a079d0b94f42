/** What stands around a client: the test that started it, an auth server, a network that breaks. */

import { createHmac } from "node:crypto";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { createInterface } from "node:readline";

const { SECRET, USER } = process.env;
const heard = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** Print what was found, as a line of JSON. */
export function say(name: string, value: unknown): void {
  console.log(JSON.stringify({ [name]: value }));
}

/** Ask the test to let the worker go on, and wait until it does. */
export async function releaseWorker(): Promise<void> {
  say("release", true);
  await heard.next();
}

/** A token that lives for so many seconds, as the auth server would issue it. */
export function issueToken(seconds: number): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const exp = Math.floor(Date.now() / 1000) + seconds;
  const claims = { sub: USER, role: "authenticated", aud: "authenticated", exp };
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  return `${signed}.${createHmac("sha256", SECRET!).update(signed).digest("base64url")}`;
}

/** A way to the product that can break under its users. */
export async function startProxy(target: URL): Promise<{ url: string; cut: () => void; stop: () => void }> {
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname);
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on("close", () => open.delete(socket)).on("error", () => {});
    }
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const cut = () => open.forEach((socket) => socket.resetAndDestroy());
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, cut, stop: () => (server.close(), cut()) };
}

/** A count that can be waited for. */
export class Counter {
  count = 0;
  #waiting: (() => void)[] = [];

  up = (): void => {
    this.count += 1;
    this.#waiting.forEach((look) => look());
  };

  reached(count: number): Promise<void> {
    return new Promise((resolve) => {
      const look = () => this.count >= count && resolve();
      this.#waiting.push(look);
      look();
    });
  }
}
