import { expect, test } from "vitest";
import { openCommands } from "../support/open-commands.ts";

/* Templates over the management API and by the commands of `docs/settings.md`. */

const { admin, berth, client, logIn, text: page } = await openCommands("settings.md");
await admin.post("/namespaces", { path: "team" });

test("a pushed repository has what the template of the documented commands says", async () => {
  await logIn();
  const commands = [...page.matchAll(/^berth (settings template .*)$/gm)].map(([, line]) =>
    [...line!.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, a, b, c]) => a ?? b ?? c!),
  );
  const [set, list, remove] = commands;
  const made = await berth(set!);
  expect([made.code, made.stdout]).toEqual([0, expect.stringMatching(/pattern +\*-svc/)]);
  expect((await berth(list!)).stdout).toMatch(/services +\*-svc +.*kind=service/);
  expect((await berth(["settings", "template", "show", "team", "services"])).stdout).toMatch(/name +services/);
  await client.pushImage("team/web-svc", "v1");
  const shown = await berth(["settings", "show", "team/web-svc"]);
  expect(shown.stdout).toMatch(/tagOverwrite +rule=refuse except=dev-\* .*repository team\/web-svc/);
  expect((await berth(remove!)).stdout).toContain("settings template delete team/ services: done");
  const gone = await berth(["settings", "template", "show", "team/", "services"]);
  expect([gone.code, gone.stderr]).toEqual([1, expect.stringContaining("namespace team has no template services")]);
});

test("the API refuses what means nothing and what was changed meanwhile, in words", async () => {
  const at = "/namespaces/team/-/templates/services";
  const wrong: [object, RegExp][] = [
    [{ pattern: "*" }, /settings/],
    [{ pattern: "*", settings: {} }, /sets nothing/],
    [{ pattern: "A b", settings: { description: "x" } }, /no repository name has/],
    [{ pattern: "*", settings: { colour: "red" } }, /colour/],
    [{ pattern: "*", settings: { repositoryCreation: "explicit" } }, /is for namespaces/],
  ];
  for (const [body, reason] of wrong) {
    const answer = await admin.put(at, body);
    expect([answer.status, answer.body.detail], JSON.stringify(body)).toEqual([400, expect.stringMatching(reason)]);
  }
  const first = await admin.put(at, { pattern: "a-*", settings: { description: "a" } });
  const second = await admin.put(at, { pattern: "b-*", settings: { description: "b" } });
  expect([first.status, second.status, second.body.pattern]).toEqual([200, 200, "b-*"]);
  const stale = { "if-match": first.headers.get("etag")! };
  expect((await admin.delete(at, stale)).code).toBe("VERSION_CHANGED");
  expect((await admin.delete(at, { "if-match": second.headers.get("etag")! })).status).toBe(204);
  expect((await admin.get("/namespaces/team/-/templates")).body).toEqual({ items: [] });
});
