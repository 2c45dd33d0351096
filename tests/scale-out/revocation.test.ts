import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { startCuttingProxy } from "../support/cutting-proxy.ts";
import type { CuttingProxy } from "../support/cutting-proxy.ts";
import { adminPassword, basicHeader, clientOf } from "../support/management-client.ts";
import type { ApiClient } from "../support/management-client.ts";
import { needPeers } from "../support/peers.ts";
import { startProcess } from "../support/start-process.ts";
import type { TestProcess } from "../support/start-process.ts";
import { WireClient } from "../support/wire-client.ts";
import { startSharedStores, waitFor } from "./cluster.ts";

/*
 * What is taken away on one node is refused by another within two seconds, whatever it has remembered; and a node that
 * has not heard of the database for five seconds lets nobody do anything.
 */
const within = 2_000;

const shared = await startSharedStores();
const folder = await mkdtemp(join(tmpdir(), "berth-revocation-"));
let line: CuttingProxy;
let here: TestProcess;
/** Reaches the database through `line`. */
let there: TestProcess;
let admin: ApiClient;

beforeAll(async () => {
  if (shared === undefined) return;
  await writeFile(join(folder, "password"), adminPassword);
  const database = new URL(shared.env["BERTH_DATABASE"]!);
  line = await startCuttingProxy(database.host);
  const start = (name: string, host: string) => {
    const url = new URL(database);
    url.host = host;
    const more = { BERTH_DATABASE: url.href, BERTH_ADMIN_PASSWORD_FILE: join(folder, "password") };
    return startProcess({ data: join(folder, name), env: { ...shared.env, ...more }, open: false });
  };
  here = await start("here", database.host);
  there = await start("there", line.address);
  admin = clientOf(() => here.url, basicHeader("admin", adminPassword));
  const owner = new WireClient(
    () => here.url,
    (input, init) =>
      fetch(input, {
        ...init,
        headers: { ...(init?.headers as object), authorization: basicHeader("admin", adminPassword) },
      }),
  );
  await owner.pushImage("team/app", "v1");
  await done(admin.post("/namespaces", { path: "team" }));
  await done(admin.post("/groups", { name: "dev" }));
  await done(admin.post("/namespaces/team/-/grants", { to: { group: "dev" }, role: "reader" }));
});
afterAll(async () => {
  for (const node of [here, there]) await node?.stop("SIGKILL");
  await line?.close();
  await shared?.close();
  await rm(folder, { recursive: true, force: true });
});
beforeEach((context) => needPeers(context, "postgresql", "versitygw"));

async function done<T extends { readonly status: number; readonly text: string }>(answer: Promise<T>): Promise<T> {
  const { status, text } = await answer;
  expect(status, text).toBeLessThan(300);
  return answer;
}

/** What a node answers to a pull. @param patience in milliseconds */
async function pull(node: TestProcess, authorization: string, patience = 30_000): Promise<number | "nothing"> {
  const options = { headers: { authorization }, signal: AbortSignal.timeout(patience) };
  const answer = await fetch(`${node.url}/v2/team/app/manifests/v1`, options).catch(() => undefined);
  await answer?.body?.cancel();
  return answer?.status ?? "nothing";
}

/** Somebody who may pull by a grant of their own or by the group, with every credential that a client shows. */
async function openUser(name: string, by: "grant" | "group") {
  await done(admin.post("/users", { name, password: "seven green bottles" }));
  const token = (await done(admin.post<{ id: number; secret: string }>(`/users/${name}/tokens`, { name: "t" }))).body;
  const namespace = "/namespaces/team/-/grants";
  const grant =
    by === "grant"
      ? (await done(admin.post<{ id: number }>(namespace, { to: { user: name }, role: "reader" }))).body.id
      : void (await done(admin.put(`/groups/dev/members/${name}`)));
  const logins = { password: basicHeader(name, "seven green bottles"), token: basicHeader(name, token.secret) };
  const registryToken = async (login: string) => {
    const url = `${there.url}/token?service=${there.host}&scope=repository:team/app:pull`;
    const answer = await fetch(url, { headers: { authorization: login } });
    return `Bearer ${((await answer.json()) as { token: string }).token}`;
  };
  for (const login of Object.values(logins)) await waitFor(async () => (await pull(there, login)) === 200);
  return {
    token,
    grant,
    credentials: {
      ...logins,
      "registry token by password": await registryToken(logins.password),
      "registry token by token": await registryToken(logins.token),
    } as Readonly<Record<string, string>>,
  };
}
type User = Awaited<ReturnType<typeof openUser>>;

const cases = [
  {
    what: "a revoked token",
    by: "group",
    end: (name, { token }) => admin.delete(`/users/${name}/tokens/${token.id}`),
    lives: ["password", "registry token by password"],
  },
  {
    what: "a disabled user",
    by: "group",
    end: (name) => admin.patch(`/users/${name}`, { disabled: true }),
    lives: [],
  },
  {
    what: "a grant that is taken away",
    by: "grant",
    end: (_name, { grant }) => admin.delete(`/namespaces/team/-/grants/${grant}`),
    lives: [],
  },
  {
    what: "a group that one is taken out of",
    by: "group",
    end: (name) => admin.delete(`/groups/dev/members/${name}`),
    lives: [],
  },
] as const satisfies readonly {
  readonly what: string;
  readonly by: "grant" | "group";
  readonly end: (name: string, user: User) => Promise<{ readonly status: number; readonly text: string }>;
  readonly lives: readonly string[];
}[];

test.each(cases)(
  "$what counts for nothing on another node within two seconds, by no credential that was good there",
  async ({ what, by, end, lives }) => {
    const name = what.replaceAll(" ", "-");
    const user = await openUser(name, by);
    const all = Object.entries(user.credentials);
    for (const [kind, credential] of all) expect(await pull(there, credential), kind).toBe(200);
    await done(end(name, user));
    const ended = performance.now();
    let asked = ended;
    // Where it was taken away nothing is remembered at all.
    const gone = all.filter(([kind]) => !(lives as readonly string[]).includes(kind));
    for (const [kind, credential] of gone) expect(await pull(here, credential), kind).toBeOneOf([401, 403]);
    const refused = async () =>
      (await Promise.all(gone.map(([, one]) => pull(there, one)))).every((one) => one !== 200);
    while (!(await refused())) {
      expect(asked - ended, "who asks then is refused").toBeLessThan(within);
      await setTimeout(50);
      asked = performance.now();
    }
    console.log(`${what}: refused on the other node to who asked after ${Math.round(asked - ended)} ms`);
    for (const [kind, credential] of gone) expect(await pull(there, credential), kind).toBeOneOf([401, 403]);
    for (const [kind, credential] of all) {
      if ((lives as readonly string[]).includes(kind)) expect(await pull(there, credential), kind).toBe(200);
    }
  },
);

test("a node that has not heard of the database for five seconds refuses everything, and knows what changed when it has", async () => {
  const [leaver, stayer] = [await openUser("leaver", "group"), await openUser("stayer", "group")];
  line.hold();
  try {
    await done(admin.delete("/groups/dev/members/leaver"));
    const refused = async () => {
      const answers = await Promise.all(
        [leaver, stayer].flatMap(({ credentials }) => Object.values(credentials).map((one) => pull(there, one, 3_000))),
      );
      return answers.every((answer) => answer === 503);
    };
    await expect.poll(refused, { interval: 200 }).toBe(true);
    const { headers } = await fetch(`${there.url}/v2/`, { headers: { authorization: stayer.credentials["token"]! } });
    expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await pull(here, stayer.credentials["token"]!)).toBe(200);
  } finally {
    line.letGo();
  }
  await waitFor(async () => (await pull(there, stayer.credentials["token"]!)) === 200);
  for (const credential of Object.values(leaver.credentials)) {
    const seen: unknown[] = [];
    await waitFor(async () => [401, 403].includes(seen[seen.push(await pull(there, credential)) - 1] as number));
    expect(seen).not.toContain(200);
  }
});
