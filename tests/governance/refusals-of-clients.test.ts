import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startDocker } from "../interop/start-docker.ts";
import { openWorkplace } from "../interop/workplace.ts";
import { expectGolden } from "../support/golden.ts";
import { installBerth } from "../support/install-berth.ts";
import { findPeer, needPeers } from "../support/peers.ts";
import type { PeerName } from "../support/peers.ts";
import { runBerth } from "../support/run-berth.ts";
import { startTestServer } from "../support/start-server.ts";

/* What people see when a tag or a push is refused, and the examples of docs/guide/immutability.md and quotas.md. */

const place = await openWorkplace();
const password = "a password that nobody guesses";
const server = await startTestServer({ open: false, adminPassword: password });
const { host } = server;

/** Pushes two images to one release tag, by each client; the second is refused. */
const scripts: Readonly<Partial<Record<PeerName, (say: string) => string>>> = {
  docker: (say) => `
    tar -cf - ${say} | docker import - ${host}/docker/app:v1.0.0
    docker push ${host}/docker/app:v1.0.0`,
  podman: (say) => `
    tar -cf - ${say} | podman import - ${host}/podman/app:v1.0.0
    podman push --tls-verify=false ${host}/podman/app:v1.0.0`,
  skopeo: (say) => `
    tar -cf layer.tar ${say}
    crane append --insecure --new_layer layer.tar --new_tag ${host}/skopeo/${say}:1
    skopeo copy --src-tls-verify=false --dest-tls-verify=false docker://${host}/skopeo/${say}:1 docker://${host}/skopeo/app:v1.0.0`,
  crane: (say) => `
    tar -cf layer.tar ${say}
    crane append --insecure --new_layer layer.tar --new_tag ${host}/crane/app:v1.0.0`,
};

beforeAll(async () => {
  const bin = await installBerth(place.folder);
  place.env["PATH"] = `${bin}:${resolve(import.meta.dirname, "../../.peers")}:/usr/bin:/bin:/usr/sbin`;
  const storage = join(place.folder, "storage.conf");
  const [root, run] = [join(place.folder, "root"), join(place.folder, "run")];
  await writeFile(storage, `[storage]\ndriver = "overlay"\ngraphroot = "${root}"\nrunroot = "${run}"\n`);
  place.env["CONTAINERS_STORAGE_CONF"] = storage;
  if (findPeer("docker") !== undefined) await startDocker(place);
  const ended = await runBerth(["login", host, "--user", "admin", "--password-stdin"], place.env, password);
  expect(ended.code, ended.stderr).toBe(0);
});
afterAll(async () => {
  await server.close();
  await place.close();
});

async function folderOf(name: string): Promise<string> {
  const folder = join(place.folder, "work", name);
  await mkdir(folder, { recursive: true });
  return folder;
}

/** The lines that tell why, without what differs from run to run. */
function reasonIn(printed: string, word = /denied/i): string {
  return printed
    .split("\n")
    .filter((line) => word.test(line))
    .map((line) =>
      line
        .replaceAll(host, "registry.example")
        .replaceAll(/sha256:[0-9a-f]{64}/g, "sha256:…")
        .replaceAll(/requestId(:|\\":\\")[\w-]+/g, "requestId$1…")
        .replaceAll(/uploads\/[\w-]+\?digest=sha256%3A[0-9a-f]{64}/g, "uploads/…")
        .replaceAll(/time="[^"]*" |^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d /g, ""),
    )
    .join("\n");
}

test("docker, podman, skopeo and crane show the refusal as a sentence", async (context) => {
  needPeers(context, "docker", "podman", "skopeo", "crane");
  const seen: string[] = [];
  for (const [name, script] of Object.entries(scripts)) {
    const folder = await folderOf(name);
    for (const say of ["one", "two"]) await writeFile(join(folder, say), `${say}\n`);
    const run = (say: string) => ["-euo", "pipefail", "-c", `cd ${folder}\n${script(say)}`] as const;
    await place.call("bash", ...run("one"));
    seen.push(`${name}\n${reasonIn(await place.refuse("bash", ...run("two")))}\n`);
  }
  await expectGolden("refusals.txt", seen.join("\n"));
  expect(seen.every((text) => text.includes("Push under a new tag"))).toBe(true);
});

test("docker, podman, skopeo and crane show why the registry is read-only, and do not try for long", async (context) => {
  needPeers(context, "docker", "podman", "skopeo", "crane");
  const folder = await folderOf("read-only");
  const script = (text: string) => ["-euo", "pipefail", "-c", `cd ${folder}\n${text}`] as const;
  await writeFile(join(folder, "late"), "late\n");
  const source = `${host}/skopeo/late:1`;
  const append = "tar -cf layer.tar late; crane append --insecure --new_layer layer.tar --new_tag";
  await place.call("bash", ...script(`${append} ${source}`));
  const pushes: typeof scripts = {
    ...scripts,
    skopeo: () =>
      `skopeo copy --src-tls-verify=false --dest-tls-verify=false docker://${source} docker://${host}/skopeo/copy:v2.0.0`,
  };
  const read = async (...args: readonly string[]) => {
    const ended = await runBerth(["maintenance", "read-only", ...args], place.env);
    expect(ended.code, ended.stderr).toBe(0);
  };
  await read("on", "--reason", "the database moves until 14:00 UTC");
  const seen: string[] = [];
  try {
    for (const [name, push] of Object.entries(pushes)) {
      const before = server.log.requests.length;
      const printed = await place.refuse("bash", ...script(push("late")));
      // Counted, not timed: who tries again waits longer each time, and a busy machine is slow by itself. Podman tries
      // whatever fails three times more.
      const refused = server.log.requests.slice(before).filter((line) => /"status":(?:405|5\d\d)/.test(line));
      expect(refused.length, `${name}: ${refused.join("")}`).toBeOneOf([1, 2, 3, 4]);
      seen.push(`${name}\n${reasonIn(printed, /read-only at/)}\n`);
    }
  } finally {
    await read("off");
  }
  await expectGolden("read-only.txt", seen.join("\n"));
  expect(seen.every((text) => text.includes("the database moves until 14:00 UTC"))).toBe(true);
});

/** A push of the file `say` under a name, by each client. Each makes its layer of it anew. */
const pushes: Readonly<Record<"docker" | "podman" | "skopeo" | "crane", (say: string, to: string) => string>> = {
  docker: (say, to) => `
    tar -cf - ${say} | docker import - ${to}
    docker push ${to}`,
  podman: (say, to) => `
    tar -cf - ${say} | podman import - ${to}
    podman push --tls-verify=false ${to}`,
  skopeo: (say, to) => `
    tar -cf layer.tar ${say}
    crane append --insecure --new_layer layer.tar --new_tag ${host}/spare/${say}:1
    skopeo copy --src-tls-verify=false --dest-tls-verify=false docker://${host}/spare/${say}:1 docker://${to}`,
  crane: (say, to) => `
    tar -cf layer.tar ${say}
    crane append --insecure --new_layer layer.tar --new_tag ${to}`,
};
const clients = Object.keys(pushes) as (keyof typeof pushes)[];
/** Deletes by a digest; docker and podman have no command for it. */
const deletes: Readonly<Partial<typeof pushes>> = {
  skopeo: (_say, to) => `skopeo delete --tls-verify=false docker://${to}`,
  crane: (_say, to) => `crane delete --insecure ${to}`,
};

async function berth(...args: readonly string[]): Promise<void> {
  const ended = await runBerth(args, place.env);
  expect(ended.code, `berth ${args.join(" ")}: ${ended.stderr}`).toBe(0);
}

/** Runs commands in the folder of a client that has the files `one` and `two`, of so many random bytes. */
async function folderWith(name: string, bytes: number): Promise<(text: string) => readonly string[]> {
  const folder = await folderOf(name);
  for (const say of ["one", "two"]) await writeFile(join(folder, say), randomBytes(bytes));
  return (text) => ["-euo", "pipefail", "-c", `cd ${folder}\n${text}`];
}

test("docker, podman, skopeo and crane show which quota has no room", { timeout: 480_000 }, async (context) => {
  needPeers(context, ...clients);
  const seen: string[] = [];
  // The commit refuses the small layer, the first bytes beyond the room the large one.
  for (const [size, bytes] of [
    ["small", 200_000],
    ["large", 5_000_000],
  ] as const) {
    for (const client of clients) {
      const run = await folderWith(`${client}-${size}`, bytes);
      const space = `${client}-${size}`;
      await berth("namespace", "create", space);
      await berth("settings", "set", `${space}/`, `quotaStorage=${size === "small" ? "300KiB" : "6MiB"}`);
      await place.call("bash", ...run(pushes[client]("one", `${host}/${space}/app:1`)));
      const printed = await place.refuse("bash", ...run(pushes[client]("two", `${host}/${space}/app:2`)));
      seen.push(`${client}, a ${size} layer\n${amountless(reasonIn(printed, /the quota of namespace/))}\n`);
    }
  }
  await expectGolden("refused-quotas.txt", seen.join("\n"));
  expect(seen.every((text) => text.includes("delete what is not needed there"))).toBe(true);
});

/** Bytes after compression, and by which request of an upload there were too many, differ from run to run. */
function amountless(text: string): string {
  return text
    .replaceAll(/[\d.]+ (?:bytes|KiB|MiB)(?= is used|:)/g, "…")
    .replaceAll(/\b(adding|used):[\d.e+]+/g, "$1:…")
    .replaceAll(/uploading layer (?:chunked|to \S+)(?=: denied)/g, "uploading layer …")
    .replaceAll(/(?:PATCH|PUT) \S+\/uploads\/\S+(?=: DENIED)/g, "PUT …/uploads/…");
}

test("docker, podman, skopeo and crane show which form a tag must have", { timeout: 300_000 }, async (context) => {
  needPeers(context, ...clients);
  await berth("namespace", "create", "strict");
  await berth("settings", "set", "strict/", "tagFormat=semver");
  const seen: string[] = [];
  for (const client of clients) {
    const run = await folderWith(`${client}-strict`, 100);
    const printed = await place.refuse("bash", ...run(pushes[client]("one", `${host}/strict/${client}:nightly`)));
    seen.push(`${client}\n${reasonIn(printed)}\n`);
  }
  await expectGolden("refused-formats.txt", seen.join("\n"));
  expect(seen.every((text) => text.includes("tagFormat"))).toBe(true);
});

test(
  "docker, podman, skopeo and crane show that an image is held, where they would take its last tag or delete it",
  { timeout: 300_000 },
  async (context) => {
    needPeers(context, ...clients);
    await berth("namespace", "create", "legal");
    const seen: string[] = [];
    for (const client of clients) {
      const run = await folderWith(`${client}-legal`, 100);
      const to = `${host}/legal/${client}`;
      await place.call("bash", ...run(pushes[client]("one", `${to}:stable`)));
      await berth("hold", "set", `legal/${client}`, "stable", "--reason", "case 12/2026");
      const printed = await place.refuse("bash", ...run(pushes[client]("two", `${to}:stable`)));
      seen.push(`${client} pushes over it\n${dateless(reasonIn(printed))}\n`);
      const script = deletes[client]?.("one", `${to}@$(crane digest --insecure ${to}:stable)`);
      if (script === undefined) continue;
      seen.push(`${client} deletes it\n${dateless(reasonIn(await place.refuse("bash", ...run(script))))}\n`);
    }
    await expectGolden("refused-holds.txt", seen.join("\n"));
    expect(seen).toHaveLength(6);
    expect(seen.every((text) => text.includes("ask an owner to release the hold"))).toBe(true);
  },
);

test(
  "skopeo and crane show what runs, where they would delete it; docker and podman have no such command",
  { timeout: 300_000 },
  async (context) => {
    needPeers(context, "skopeo", "crane");
    await berth("namespace", "create", "prod");
    const seen: string[] = [];
    for (const [client, remove] of Object.entries(deletes)) {
      const run = await folderWith(`${client}-prod`, 100);
      const to = `${host}/prod/${client}`;
      await place.call("bash", ...run(pushes.crane("one", `${to}:stable`)));
      const digest = (await place.call("crane", "digest", "--insecure", `${to}:stable`)).trim();
      const list = join(place.folder, `${client}-runs`);
      await writeFile(list, `${to}@${digest} prod/deployment/web\n`);
      await berth("usage", "report", "prod/", "--source", `cluster-${client}`, "--file", list);
      const printed = await place.refuse("bash", ...run(remove("one", `${to}@${digest}`)));
      seen.push(`${client}\n${dateless(reasonIn(printed))}\n`);
    }
    await expectGolden("refused-uses.txt", seen.join("\n"));
    expect(seen.every((text) => text.includes("prod/deployment/web runs"))).toBe(true);
  },
);

function dateless(text: string): string {
  return text
    .replaceAll(/\d{4}-\d\d-\d\d(?:T[\d:.]+Z)?/g, "TIME")
    .replaceAll(/\bhold(:| )\d+/g, "hold$1N")
    .replaceAll(/hold\\":\d+/g, 'hold\\":N');
}

test("the example of the guide does what it says", async (context) => {
  needPeers(context, "crane");
  const page = await readFile(resolve(import.meta.dirname, "../../docs/guide/immutability.md"), "utf8");
  const [, commands] = /```sh\n(.*?)```/s.exec(page)!;
  const script = `cd ${await folderOf("guide")}\n${commands!.replaceAll("127.0.0.1:5000", host)}`;
  const printed = await place.call("bash", "-euo", "pipefail", "-c", script);
  expect(printed).toContain("refused: it does not move");
  expect(printed).toContain("refused: it has no such form");
  expect(printed).toMatch(/tagOverwrite +rule=refuse except=latest, branch-\* +namespace shop/);
  const listed = await place.call("crane", "ls", "--insecure", `${host}/shop/web`);
  expect(listed.split("\n").toSorted()).toEqual(["latest", "v1.0.0"]);
});

test("the example of the guide to quotas does what it says, and crane shows the refusal as a sentence", async (context) => {
  needPeers(context, "crane");
  const page = await readFile(resolve(import.meta.dirname, "../../docs/guide/quotas.md"), "utf8");
  const [, commands] = /```sh\n(.*?)```/s.exec(page)!;
  const script = `cd ${await folderOf("quotas")}\n${commands!.replaceAll("127.0.0.1:5000", host)}`;
  const printed = await place.call("bash", "-euo", "pipefail", "-c", `exec 2>&1\n${script}`);
  expect(printed).toMatch(
    /DENIED: the quota of namespace market is 300 KiB \(quotaStorage\), 19\d KiB is used, and this would add 19\d KiB: delete what is not needed there, or ask an owner of the root namespace for a larger quota/,
  );
  expect(printed).toContain("refused: no room");
  expect(printed).toMatch(
    /the quota of namespace market is 2 repositories \(quotaRepositories\), 2 are used, and this would add 1/,
  );
  expect(printed).toContain("refused: no third repository");
  expect(printed).toMatch(/quotaStorage +namespace market +2\d{5} +307200 +6\d.*/);
  expect(printed).toMatch(/quotaPending +namespace market +\d+ +102400/);
  expect(printed).toMatch(/namespace market .* no$/);
});
