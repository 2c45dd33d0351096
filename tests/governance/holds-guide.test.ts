import { expect, test } from "vitest";
import { openCommands } from "../support/open-commands.ts";

/* The commands of `docs/guide/holds.md` do what the page says; who may not is refused. */

const { admin, as, berth, block, client, logIn } = await openCommands("guide/holds.md");

test("the guide's hold refuses the guide's delete with the guide's sentence, on every face, until it is released", async () => {
  await admin.post("/namespaces", { path: "legal" });
  await client.pushImage("legal/app", "v1");
  await logIn();
  const [set, remove, list, release] = block("sh")
    .split("\n")
    .map((line) => [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, word]) => quoted ?? word!).slice(1));
  expect((await berth(set!)).stdout).toMatch(/reason +case 12\/2026/);
  const sentence = (text: string) => text.replace(/\d{4}-\d\d-\d\d/, "DAY");
  const refused = await berth(remove!);
  expect([refused.code, sentence(refused.stderr.trim())]).toEqual([1, `berth: ${sentence(block("text"))}`]);
  const onWire = await client.call("DELETE", "/v2/legal/app/manifests/v1");
  expect([onWire.status, onWire.code, sentence(onWire.message ?? "")]).toEqual([
    403,
    "DENIED",
    sentence(block("text")),
  ]);
  expect((await berth(list!)).stdout).toMatch(/1 +legal\/app +sha256:\w+ +case 12\/2026 +user:admin/);
  expect((await berth(["hold", "list", "legal/app", "--output", "json"])).stdout).toContain('"digest"');
  const unknown = await berth(["hold", "release", "legal/app", "7", "--reason", "x"]);
  expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining("legal/app has no hold 7")]);
  expect((await berth(release!)).code).toBe(0);
  expect((await berth(remove!)).code).toBe(0);
});

test("a maintainer sees holds and can neither set nor release one; a reader sees none", async () => {
  await client.pushImage("legal/web", "v1");
  const password = "a long enough password";
  for (const [name, role] of Object.entries({ mia: "maintainer", rob: "reader" })) {
    await admin.post("/users", { name, password });
    await admin.post("/namespaces/legal/-/grants", { to: { user: name }, role });
  }
  const held = await admin.post("/repositories/legal/web/-/holds", { reason: "case 13" });
  expect([held.status, held.body]).toEqual([201, expect.objectContaining({ digest: null, setBy: "user:admin" })]);
  const [mia, rob] = [as("mia", password), as("rob", password)];
  const at = "/repositories/legal/web/-/holds";
  const tried = [
    mia.post(at, { reason: "mine" }),
    mia.post(`${at}/${held.body.id}/release`, { reason: "mine" }),
    rob.get(at),
    mia.delete("/repositories/legal/web"),
    mia.post("/repositories/legal/web/-/rename", { to: "legal/other" }),
  ];
  expect((await Promise.all(tried)).map(({ status, code }) => [status, code])).toEqual(
    tried.map(() => [403, "DENIED"]),
  );
  expect((await mia.get(at)).body.items).toHaveLength(1);
  expect((await mia.get("/namespaces/legal/-/holds")).body.items[0]).toMatchObject({ repository: "legal/web" });
  for (const body of [{}, { reason: "" }, { reason: "a\nb" }, { reason: "x", digest: "v1" }]) {
    expect((await admin.post(at, body)).code, JSON.stringify(body)).toBe("REQUEST_INVALID");
  }
});
