import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { installBerth } from "../support/install-berth.ts";
import { findPeer, needPeers } from "../support/peers.ts";
import type { PeerName } from "../support/peers.ts";
import { startTestServer } from "../support/start-server.ts";
import { startDocker } from "./start-docker.ts";
import { openWorkplace } from "./workplace.ts";

const place = await openWorkplace();
const server = await startTestServer();
const guarded = await startTestServer({ open: false });
const page = await readFile(resolve(import.meta.dirname, "../../docs/getting-started.md"), "utf8");

/** Sections of the page that have commands: the peers they need, and the tags that are there afterwards. */
const sections: readonly { readonly title: string; readonly peers: readonly PeerName[]; readonly tags: object }[] = [
  { title: "docker", peers: ["docker"], tags: { hello: ["1"] } },
  { title: "podman", peers: ["podman"], tags: { "hello-podman": ["1"] } },
  { title: "crane", peers: ["crane"], tags: { "hello-crane": ["2"] } },
  { title: "skopeo", peers: ["skopeo", "crane"], tags: { "hello-skopeo": ["1"] } },
  { title: "oras", peers: ["oras"], tags: { "hello-oras": ["1"] } },
  { title: "helm", peers: ["helm"], tags: { "charts/hello-chart": ["0.1.0"] } },
  { title: "What is there now", peers: ["crane"], tags: {} },
];

/** Sections for a server without `--open`. */
const guardedSections: readonly {
  readonly title: string;
  readonly peers: readonly PeerName[];
  readonly says: string;
}[] = [
  { title: "Log in", peers: ["crane"], says: "user:admin" },
  { title: "A first user", peers: ["openssl"], says: "the role writer" },
  { title: "A robot for CI", peers: ["crane"], says: "" },
  { title: "Look after it", peers: ["crane"], says: "no: its scope has ci-* only" },
];

beforeAll(async () => {
  // A reader's own stores and programs: here they are those of the test.
  const bin = await installBerth(place.folder);
  place.env["PATH"] = `${bin}:${resolve(import.meta.dirname, "../../.peers")}:/usr/bin:/bin:/usr/sbin`;
  const storage = join(place.folder, "storage.conf");
  const [root, run] = [join(place.folder, "root"), join(place.folder, "run")];
  await writeFile(storage, `[storage]\ndriver = "overlay"\ngraphroot = "${root}"\nrunroot = "${run}"\n`);
  place.env["CONTAINERS_STORAGE_CONF"] = storage;
  if (findPeer("docker") !== undefined) await startDocker(place);
});
afterAll(async () => {
  await server.close();
  await guarded.close();
  await place.close();
});

test.for(sections)("the commands of the page work: $title", async ({ title, peers, tags }, context) => {
  needPeers(context, ...peers);
  const [commands] = blocksOf(title);
  const folder = join(place.folder, "work", title.replaceAll(" ", "-"));
  await mkdir(folder, { recursive: true });
  const script = `cd ${folder}\n${commands!.replaceAll("127.0.0.1:5000", server.host)}`;
  await place.call("bash", "-euo", "pipefail", "-c", script);
  for (const [repository, expected] of Object.entries(tags)) {
    const listed = (await (await fetch(`${server.url}/v2/${repository}/tags/list`)).json()) as { tags: string[] };
    expect(listed.tags).toEqual(expected);
  }
});

test.for(guardedSections)("the commands of the page work: $title", async ({ title, peers, says }, context) => {
  needPeers(context, ...peers);
  const [commands] = blocksOf(title);
  const folder = join(place.folder, "work", "guarded");
  await mkdir(folder, { recursive: true });
  // The page's server keeps its data beside the reader.
  await symlink(guarded.config.data, join(folder, "data")).catch(() => undefined);
  const script = `cd ${folder}\n${commands!.replaceAll("127.0.0.1:5000", guarded.host)}`;
  expect(await place.call("bash", "-euo", "pipefail", "-c", script)).toContain(says);
});

test("every block of commands on the page is run", () => {
  const titles = [...sections, ...guardedSections].map(({ title }) => title);
  const run = titles.reduce((count, title) => count + blocksOf(title).length, 0);
  expect(page.match(/^```sh$/gm)).toHaveLength(run);
  expect(run).toBe(titles.length);
});

function blocksOf(title: string): readonly string[] {
  const section = page.split(/^## /m).find((text) => text.startsWith(`${title}\n`)) ?? "";
  return [...section.matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, commands]) => commands!);
}
