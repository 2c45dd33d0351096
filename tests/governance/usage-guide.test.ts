import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openCommands } from "../support/open-commands.ts";

/* The commands of `docs/guide/usage.md` do what the page says, and what cannot be taken is refused in words. */

const { admin, berth, block, client, home, host, logIn } = await openCommands("guide/usage.md");
const plain = (text: string) =>
  text.replaceAll(/sha256:[0-9a-f]{64}/g, "DIGEST").replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\dZ/g, "TIME");

await admin.post("/namespaces", { path: "shop" });
await logIn();

/** What `kubectl get pods -o json` prints of a Deployment with one pod. */
const podsOf = (digest: string) => ({
  ...{ apiVersion: "v1", kind: "List", metadata: { resourceVersion: "" } },
  items: [
    {
      ...{ apiVersion: "v1", kind: "Pod" },
      metadata: {
        ...{ name: "web-6d4cf56db6-x7k2p", namespace: "prod", labels: { "pod-template-hash": "6d4cf56db6" } },
        ownerReferences: [{ apiVersion: "apps/v1", kind: "ReplicaSet", name: "web-6d4cf56db6", controller: true }],
      },
      spec: { containers: [{ name: "web", image: `${host}/shop/web:v1` }] },
      status: {
        phase: "Running",
        containerStatuses: [
          { name: "web", ready: true, image: `${host}/shop/web:v1`, imageID: `${host}/shop/web@${digest}` },
        ],
      },
    },
  ],
});

test("the guide's report keeps the guide's image, with the guide's sentence on every face, until it is forced", async () => {
  await client.pushImage("shop/web", "v1");
  const { digest } = (await admin.get("/repositories/shop/web/-/tags/v1")).body;
  const [report, remove, list, force] = block("sh")
    .split("\n")
    .map((line) => line.split(" ").slice(1));
  const file = join(home, "pods.json");
  await writeFile(file, JSON.stringify(podsOf(digest)));
  const reported = await berth(report!.map((word) => (word === "pods.json" ? file : word)));
  expect([reported.code, reported.stdout], reported.stderr).toEqual([0, expect.stringMatching(/digests +1/)]);
  const refused = await berth(remove!);
  expect([refused.code, plain(refused.stderr.trim())]).toEqual([1, `berth: ${block("text")}`]);
  const wire = await client.call("DELETE", "/v2/shop/web/manifests/v1");
  expect([wire.status, wire.code, plain(wire.message ?? "")]).toEqual([403, "DENIED", block("text")]);
  expect((await berth(list!)).stdout).toMatch(/cluster-1 +1 +user:admin/);
  const forced = await berth(force!);
  expect([forced.code, plain(forced.stderr)]).toEqual([
    ...[0, expect.stringContaining("prod/deployment/web runs DIGEST")],
  ]);
});

test("where inUse warns, deletes answer with a Warning on both faces", async () => {
  await client.pushImage("shop/warned", "v1");
  await client.pushImage("shop/warned", "v2", { annotations: { other: "yes" } });
  await berth(["settings", "set", "shop/warned", "inUse=warn"]);
  const digestOf = async (tag: string) => (await admin.get(`/repositories/shop/warned/-/tags/${tag}`)).body.digest;
  const digests = [await digestOf("v1"), await digestOf("v2")];
  const list = digests.map((digest) => `${host}/shop/warned@${digest} nightly "job"\n`).join("");
  expect((await berth(["usage", "report", "/", "--source", "by-hand", "--file", "-"], list)).code).toBe(0);
  const wire = await client.call("DELETE", `/v2/shop/warned/manifests/${digests[0]}`);
  expect([wire.status, wire.headers.get("warning")]).toEqual([202, expect.stringContaining('nightly \\"job\\" runs')]);
  const told = await admin.delete(`/repositories/shop/warned/-/images/${digests[1]}`);
  expect([told.status, told.headers.get("warning")]).toEqual([200, expect.stringContaining("reported by by-hand")]);
  expect((await berth(["usage", "forget", "/", "by-hand"])).code).toBe(0);
});

test("what is no report is refused in words, by the command and by the API", async () => {
  const wrong: [readonly string[], string, RegExp][] = [
    [["shop/", "--source", "x"], "", /say what runs/],
    [["shop/", "--file", "-"], "", /say who reports/],
    [["shop/", "--source", "x", "--file", "-", "--expires", "soon"], "", /no duration/],
    [["shop/", "--source", "x", "--file", "-"], "{}", /neither the JSON of/],
    [["shop/", "--source", "x", "--file", "/nowhere/x"], "", /cannot be read/],
    [["shop/", "--source", "x", "--docker"], "", /docker ps failed/],
    [["none/", "--source", "x", "--file", "-"], "", /no namespace none/],
  ];
  for (const [args, input, reason] of wrong) {
    const ended = await berth(["usage", "report", ...args], input);
    expect([ended.code === 0, ended.stderr], args.join(" ")).toEqual([false, expect.stringMatching(reason)]);
  }
  const at = "/namespaces/shop/-/usage/x";
  const use = { digest: `sha256:${"a".repeat(64)}`, workload: "w" };
  const bodies = [
    ...[{}, { uses: [{ ...use, digest: "v1" }] }, { uses: [{ ...use, workload: "" }] }],
    ...[{ uses: [], expiresIn: 1 }, { uses: [{ ...use, repository: "No" }] }],
    { uses: Array.from({ length: 10_001 }, () => use) },
  ];
  for (const body of bodies) {
    expect((await admin.put(at, body)).code, JSON.stringify(body).slice(0, 80)).toBe("REQUEST_INVALID");
  }
  const twice = await admin.put(at, { uses: [use, { ...use, workload: "again" }], expiresIn: 60 });
  expect([twice.status, twice.body.digests]).toEqual([200, 1]);
});
