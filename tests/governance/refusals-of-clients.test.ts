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
        .replaceAll(/requestId:[\w-]+/g, "requestId:…")
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
      const began = performance.now();
      const printed = await place.refuse("bash", ...script(push("late")));
      expect(performance.now() - began, name).toBeLessThan(30_000);
      seen.push(`${name}\n${reasonIn(printed, /read-only at/)}\n`);
    }
  } finally {
    await read("off");
  }
  await expectGolden("read-only.txt", seen.join("\n"));
  expect(seen.every((text) => text.includes("the database moves until 14:00 UTC"))).toBe(true);
});

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
  expect(printed).toMatch(/namespace market .* no$/);
});
