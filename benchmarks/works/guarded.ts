import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Server } from "../registries.ts";
import type { Beside } from "../work.ts";

const password = randomBytes(16).toString("hex");

/** Berth asks who may do what, and its first owner has the password of this run. */
export async function besideGuarded(): Promise<Beside> {
  const folder = await mkdtemp(join(tmpdir(), "berth-bench-password-"));
  const file = join(folder, "password");
  await writeFile(file, password, { mode: 0o600 });
  return {
    env: { BERTH_OPEN: "false", BERTH_ADMIN_PASSWORD_FILE: file },
    stop: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Makes the public namespace `team` and a personal token of the owner; resolves with its `Authorization`. */
export async function makePublicTeam(server: Server): Promise<string> {
  await post(server, "/namespaces", { path: "team", public: true });
  const { secret } = (await post(server, "/users/admin/tokens", { name: "bench" })) as { secret: string };
  return basic(secret);
}

/** The `Authorization` by a new registry token for pulls from a repository; it is good for five minutes. */
export async function fetchBearer(server: Server, repository: string, authorization: string): Promise<string> {
  const url = `http://127.0.0.1:${server.port}/token?scope=repository:${repository}:pull`;
  const { token } = (await read(await fetch(url, { headers: { authorization } }))) as { token: string };
  return `Bearer ${token}`;
}

function basic(secret: string): string {
  return `Basic ${Buffer.from(`admin:${secret}`).toString("base64")}`;
}

async function post(server: Server, path: string, body: object): Promise<unknown> {
  const headers = { authorization: basic(password), "content-type": "application/json" };
  const init = { method: "POST", headers, body: JSON.stringify(body) };
  return read(await fetch(`http://127.0.0.1:${server.port}/api/v1${path}`, init));
}

/** @throws Error when the answer was not 2xx */
async function read(response: Response): Promise<unknown> {
  if (!response.ok) throw new Error(`${response.url} was answered with ${response.status}: ${await response.text()}`);
  return response.json();
}
