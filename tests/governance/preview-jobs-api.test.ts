import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { linux, listAll, startContentServer } from "../support/content-server.ts";
import { adminPassword } from "../support/management-client.ts";
import type { ApiClient } from "../support/management-client.ts";
import { runBerth } from "../support/run-berth.ts";

/* Previews by jobs over the management API and the command line, and who sees them. */

const content = await startContentServer();
const { admin, anonymous, server, pushImage, pushIndex, person } = content;
const home = await mkdtemp(join(tmpdir(), "berth-previews-"));
afterAll(async () => {
  expect(server.errors).toEqual([]);
  await content.close();
  await rm(home, { recursive: true });
});
const guide = await readFile("docs/guide/lifecycle.md", "utf8");
const policyFile = join(home, "policy.yaml");
const berth = (args: readonly string[], input = "") => runBerth(args, { HOME: home, PATH: "/nowhere" }, input);

const path = "/repositories/team/app/-/lifecycle/previews";
const policy = { rules: [{ name: "all", action: "expire" }], floor: { images: 0, percent: 100 } };

beforeAll(async () => {
  for (const tag of ["v1.0.0", "v1.1.0", "v1.2.0"]) await pushImage("team/app", linux("amd64", { tag }), tag);
  const child = await pushImage("team/app", linux("arm64"));
  await pushIndex("team/app", [child], "dev");
  await pushImage("team/web", linux("amd64"), "v1");
  await pushImage("other/app", linux("amd64"), "v1");
  await writeFile(policyFile, /```yaml\n([^]*?)```/.exec(guide)![1]!);
  await logIn();
});

async function logIn(): Promise<void> {
  const ended = await berth(["login", server.host, "--user", "admin", "--password-stdin"], adminPassword);
  expect(ended.code, ended.stderr).toBe(0);
}

async function done(client: ApiClient, at: string): Promise<any> {
  for (let look = 0; look < 6_000; look++) {
    const { status, body } = await client.get(at);
    expect(status, JSON.stringify(body)).toBe(200);
    if (!/^(?:waiting|planning)$/.test(body.state)) return body;
    await setTimeout(10);
  }
  throw new Error("the preview does not end");
}

test("POST answers with the preview; its job is shown; then its images are read in pages", async () => {
  const started = await admin.post(path, { policy });
  expect(started.status).toBe(202);
  const { preview } = started.body;
  expect(started.body).toMatchObject({
    repository: "team/app",
    createdBy: "user:admin",
    from: null,
  });
  const shown = await done(admin, `${path}/${preview}`);
  expect(shown).toMatchObject({ state: "done", from: "the request", expired: 4, kept: 0, difference: null });
  expect(Date.parse(shown.expiresAt) - Date.parse(shown.endedAt)).toBe(24 * 3_600_000);
  const whole = (await admin.post("/repositories/team/app/-/lifecycle/preview", { policy, at: shown.at })).body;
  const images = await listAll(admin, `${path}/${preview}/images?limit=3`);
  expect(images.map(({ change, ...image }) => (expect(change).toBe(null), image))).toEqual(whole.images);
  expect((await admin.get(`${path}/${preview}/images?outcome=kept`)).body).toEqual({ items: [], next: null });
  const job = await berth(["job", "show", String(preview), "--output", "json"]);
  expect(JSON.parse(job.stdout)).toMatchObject({
    kind: "lifecycle-preview",
    about: "team/app",
    state: "done",
    progress: { manifests: 5 },
    result: { state: "done", expired: 4, kept: 0 },
  });
  const list = await admin.get(path);
  expect(list.body.items.map((one: { preview: number }) => one.preview)).toContain(preview);
  expect((await admin.delete(`${path}/${preview}`)).status).toBe(204);
  for (const tail of ["", "/images"]) expect((await admin.get(`${path}/${preview}${tail}`)).code).toBe("NOT_FOUND");
  expect((await admin.delete(`${path}/${preview}`)).code).toBe("NOT_FOUND");
});

test("what cannot be judged is refused before there is a job", async () => {
  expect((await admin.post(path, {})).code).toBe("NOT_FOUND");
  const wrong = await admin.post(path, { policy: { rules: [] } });
  expect([wrong.status, wrong.code]).toEqual([400, "REQUEST_INVALID"]);
  expect((await admin.post("/repositories/team/none/-/lifecycle/previews", { policy })).code).toBe("NAME_UNKNOWN");
  const { body } = await admin.get("/jobs?kind=lifecycle-preview");
  expect(body.items).toHaveLength(1);
});

test("rights are those of the moment: to start it, to look at it, to read and to cancel it", async () => {
  const maintainer = person("maintainer");
  const { preview } = (await maintainer.post(path, { policy })).body;
  const at = `${path}/${preview}`;
  await done(maintainer, at);
  for (const name of ["reader", "writer"]) {
    expect((await person(name).post(path, { policy })).code).toBe("DENIED");
    for (const tail of ["", "/images"]) expect((await person(name).get(`${at}${tail}`)).code).toBe("DENIED");
    expect((await person(name).get(path)).code).toBe("DENIED");
    expect((await person(name).delete(at)).code).toBe("DENIED");
  }
  expect((await anonymous.get(at)).status).toBe(401);
  expect((await person("stranger").get(at)).code).toBe("DENIED");
  // By another repository's name it is none of its previews.
  const elsewhere = `/repositories/other/app/-/lifecycle/previews/${preview}`;
  expect((await person("stranger").get(elsewhere)).code).toBe("NOT_FOUND");
  expect((await person("stranger").get(`${elsewhere}/images`)).code).toBe("NOT_FOUND");
  expect((await person("stranger").delete(elsewhere)).code).toBe("NOT_FOUND");
  // Who asked for it loses the right: what it may not look at now, it may not read.
  expect((await maintainer.get(`${at}/images`)).status).toBe(200);
  const { body } = await admin.get("/namespaces/team/-/grants");
  const grant = body.items.find(({ to }: { to: unknown }) => JSON.stringify(to).includes('"maintainer"'));
  expect((await admin.delete(`/namespaces/team/-/grants/${grant.id}`)).status).toBe(204);
  for (const tail of ["", "/images"]) expect((await maintainer.get(`${at}${tail}`)).code).toBe("DENIED");
  expect((await maintainer.delete(at)).code).toBe("DENIED");
  expect((await admin.delete(at)).status).toBe(204);
});

test("by a pattern: a preview for each repository that the caller may change, and no other", async () => {
  const mover = person("mover");
  const { status, body } = await mover.post("/lifecycle/previews", { repositories: "*a*", policy });
  expect(status).toBe(202);
  expect(body.items.map(({ repository }: { repository: string }) => repository)).toEqual(["team/app", "team/web"]);
  for (const { repository, preview } of body.items) {
    const at = `/repositories/${repository}/-/lifecycle/previews/${preview}`;
    expect(await done(mover, at)).toMatchObject({ state: "done", repository, createdBy: "user:mover" });
    expect((await mover.delete(at)).status).toBe(204);
  }
  expect((await mover.post("/lifecycle/previews", { repositories: "other/*", policy })).code).toBe("NOT_FOUND");
  expect((await mover.post("/lifecycle/previews", { repositories: "team/*" })).code).toBe("NOT_FOUND");
  const wrong = await mover.post("/lifecycle/previews", { repositories: "team/*", policy: { rules: [] } });
  expect(wrong.code).toBe("REQUEST_INVALID");
  expect((await anonymous.post("/lifecycle/previews", { repositories: "*", policy })).status).toBe(401);
});

test("the guide's example: the same by a job as within the request, and nothing is left of it", async () => {
  const [, commands] = /## Large repositories[^]*?```\n([^]*?)```/.exec(guide)!;
  const [byJob, previews] = commands!.trim().split("\n");
  const call = (line: string) => berth(line.replace("policy.yaml", policyFile).split(/ +/).slice(1));
  const job = await call(byJob!);
  expect([job.code, job.stderr.replace(/^manifests of team\/app looked at: \d+\n$/, "")]).toEqual([0, ""]);
  expect(job.stdout).toBe((await call(byJob!.replace(" --job", ""))).stdout);
  expect(job.stdout).toContain("2 images of 4 would go");
  const none = await call(previews!);
  expect([none.code, none.stdout.trim().split("\n").length]).toEqual([0, 1]);
  const asJson = ["lifecycle", "preview", "team/app", "--file", policyFile, "--output", "json"];
  const [one] = JSON.parse((await berth([...asJson, "--job"])).stdout) as [{ at: string }];
  const [other] = JSON.parse((await berth(asJson)).stdout) as [{ at: string }];
  expect({ ...one, at: "" }).toEqual({ ...other, at: "" });
});

test("one that somebody left is listed, and cancelled by its number", async () => {
  const { preview } = (await admin.post(path, { policy })).body;
  await done(admin, `${path}/${preview}`);
  const list = await berth(["lifecycle", "previews", "team/app"]);
  expect(list.stdout).toMatch(new RegExp(`^${preview} +done +4 +0 `, "m"));
  expect(await berth(["lifecycle", "cancel", "team/app", String(preview)])).toMatchObject({ code: 0 });
  const again = await berth(["lifecycle", "cancel", "team/app", String(preview)]);
  expect([again.code, again.stderr]).toEqual([1, expect.stringContaining("it was never there, was cancelled")]);
});

test("for a large repository the command takes a job by itself", async () => {
  await server.stop();
  const database = new DatabaseSync((server.config.database as { readonly path: string }).path);
  database.exec(`
    with recursive n (i) as (select 1 union all select i + 1 from n where i < 10000)
    insert into manifest (id, repository_id, digest, media_type, size, kind, content_size, pin_until, created_at)
    select 1000 + i, (select id from repository where name = 'team/web'), 'sha256:' || printf('%064x', i),
      'application/vnd.oci.image.manifest.v1+json', 900, 'image', 0, 0, i from n`);
  database.close();
  await server.start();
  await logIn();
  const jobs = async () => (await admin.get("/jobs?kind=lifecycle-preview")).body.items.length;
  const before = await jobs();
  const policyText = JSON.stringify(policy);
  const preview = ["lifecycle", "preview", "team/web", "--file", "-", "--output", "json"];
  const told = await berth(preview, policyText);
  expect(told.code, told.stderr).toBe(0);
  const [shown] = JSON.parse(told.stdout) as [{ expired: number; images: unknown[] }];
  expect([shown.expired, shown.images.length]).toEqual([10_001, 10_001]);
  expect(await jobs()).toBe(before + 1);
  await berth(["lifecycle", "preview", "team/app", "--file", policyFile]);
  expect(await jobs()).toBe(before + 1);
});
