import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { readLatest } from "../../src/access/index.ts";
import type { Metadata } from "../../src/metadata/index.ts";
import { parseRepositoryName, parseTag } from "../../src/oci/index.ts";
import {
  changeSettings,
  createRepository,
  deleteRepository,
  deleteTemplate,
  inspectRepository,
  inspectSettings,
  mountBlob,
  pushBlob,
  pushManifest,
  putTemplate,
  renameRepository,
} from "../../src/registry/index.ts";
import type { Registry } from "../../src/registry/index.ts";
import { writes } from "../../src/writes.ts";
import type { AllWrites } from "../../src/writes.ts";
import { openPostgresWorld, openSqliteWorld } from "../support/actors.ts";
import type { Actor, World } from "../support/actors.ts";
import { caller, digestOf, indexType } from "../support/open-registry.ts";
import { makeNamespace } from "../support/open-rights.ts";
import { startPostgres } from "../support/postgres.ts";

/* What a repository begins with, on each path that makes one, while templates and settings change beside it. */

const server = await startPostgres();
afterAll(() => server?.stop());

const worlds = [
  { name: "SQLite", open: () => openSqliteWorld(writes) },
  ...(server === undefined ? [] : [{ name: "PostgreSQL", open: () => openPostgresWorld(server, writes) }]),
];

const noChange = { set: {}, unset: [], enforce: [], relax: [] };
const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests: [] }));
const layer = Buffer.from("layer");
const closed = { rule: "refuse", except: [], by: null } as const;

describe.each(worlds)("on $name", ({ open }) => {
  let world: World;
  let [one, other] = [] as unknown as [Actor, Actor];
  beforeEach(async () => {
    world = await open();
    [one, other] = [await world.actor(), await world.actor()];
    await makeNamespace(metadata(), "team");
  });
  afterEach(() => world.close());

  const metadata = () => one.registry.metadata as unknown as Metadata<AllWrites>;
  const put = (name: string, pattern: string, settings: object, namespace = "team", by: Actor = one) =>
    putTemplate(by.registry, caller, { namespace, name, pattern, settings }, undefined);
  const push = (registry: Registry, repository: string, tag = "v1") =>
    pushManifest(registry, caller, {
      ...{ repository: parseRepositoryName(repository), digest: undefined, bytes, contentType: indexType },
      tags: [parseTag(tag)],
    });
  const shown = async (repository: string, key: string) => {
    const { settings } = await inspectSettings(one.registry, caller, { repository: parseRepositoryName(repository) });
    const { value, from } = settings.find((setting) => setting.key === key)!;
    return [value, from];
  };
  const visibility = async (repository: string) =>
    (await inspectRepository(one.registry, caller, parseRepositoryName(repository))).visibility;
  const make = (repository: string, said?: "public" | "private" | "inherit") =>
    createRepository(one.registry, caller, parseRepositoryName(repository), said);

  const paths: Readonly<Record<string, (repository: string) => Promise<unknown>>> = {
    "push of a manifest": (repository) => push(one.registry, repository),
    "push of a blob": (repository) =>
      pushBlob(
        one.registry,
        caller,
        parseRepositoryName(repository),
        digestOf(layer),
        async (take) => void (await take(layer)),
      ),
    mount: async (repository) => {
      const from = parseRepositoryName("other/from");
      await pushBlob(one.registry, caller, from, digestOf(layer), async (take) => void (await take(layer)));
      await mountBlob(one.registry, caller, parseRepositoryName(repository), digestOf(layer), from);
    },
    "explicit creation": (repository) => make(repository),
    rename: async (repository) => {
      await make("other/before");
      await renameRepository(
        one.registry,
        caller,
        parseRepositoryName("other/before"),
        parseRepositoryName(repository),
        undefined,
      );
    },
  };

  test.each(Object.keys(paths))("%s gives the repository what its template says, as its own settings", async (path) => {
    await put("services", "*-svc", { description: "a service", tagDelete: closed, visibility: "public" });
    await paths[path]!("team/web-svc");
    expect(await shown("team/web-svc", "description")).toEqual(["a service", "repository team/web-svc"]);
    expect(await shown("team/web-svc", "tagDelete")).toEqual([closed, "repository team/web-svc"]);
    expect(await visibility("team/web-svc")).toBe("public");
    const rows = await Array.fromAsync(readLatest(one.registry.metadata.read, { repository: "team/web-svc" }));
    const made = rows.find(({ action }) => action === "create-repository" || action === "rename-repository");
    expect(JSON.stringify(made)).toContain("services of namespace team");
    // A template is no setting of what is there, and what goes takes nothing back.
    await deleteTemplate(one.registry, caller, { namespace: "team", name: "services" }, undefined);
    expect(await shown("team/web-svc", "description")).toEqual(["a service", "repository team/web-svc"]);
  });

  test("a tag that the template forbids is not made by the push that makes the repository, and nothing is left", async () => {
    await put("semver", "*", { tagFormat: { semver: true, regex: [], except: [] } });
    await expect(push(one.registry, "team/app", "latest")).rejects.toMatchObject({ code: "DENIED" });
    await expect(inspectRepository(one.registry, caller, parseRepositoryName("team/app"))).rejects.toMatchObject({
      code: "NAME_UNKNOWN",
    });
    await put("semver", "*", { description: "all tags" });
    await expect(push(one.registry, "team/app", "latest")).resolves.toBeDefined();
  });

  test("a visibility that is said when it is made goes before the template's", async () => {
    await put("open", "*", { visibility: "public" });
    await make("team/a", "private");
    await make("team/b", "inherit");
    await make("team/c");
    expect(await Promise.all(["team/a", "team/b", "team/c"].map(visibility))).toEqual(["private", "inherit", "public"]);
  });

  test("a repository that is renamed keeps what it says itself, and gets only what another template adds", async () => {
    await put("one", "one-*", { description: "one", labels: { tier: "1" } });
    await put("two", "two-*", { description: "two", labels: { tier: "2" }, visibility: "public" });
    await make("team/one-app");
    const app = parseRepositoryName("team/one-app");
    await changeSettings(one.registry, caller, { repository: app }, { ...noChange, unset: ["labels"] }, undefined);
    const again = parseRepositoryName("team/one-other");
    await renameRepository(one.registry, caller, app, again, undefined);
    // The same template: what was unset on purpose stays so.
    expect(await shown(again, "labels")).toEqual([{}, "the default"]);
    await renameRepository(one.registry, caller, again, parseRepositoryName("team/two-app"), undefined);
    expect(await shown("team/two-app", "description")).toEqual(["one", "repository team/two-app"]);
    expect(await shown("team/two-app", "labels")).toEqual([{ tier: "2" }, "repository team/two-app"]);
    expect(await visibility("team/two-app")).toBe("public");
  });

  test("a template that is looser than what is enforced is refused; what is enforced later is not loosened by it", async () => {
    await put("open", "*", { visibility: "public", description: "x" });
    const enforced = { ...noChange, set: { visibility: "private" }, enforce: ["visibility"] as const };
    await changeSettings(one.registry, caller, { namespace: "team" }, enforced, undefined);
    await expect(put("more", "x-*", { visibility: "public" })).rejects.toMatchObject({
      ...{ code: "DENIED", message: expect.stringContaining("namespace team enforces its visibility") },
    });
    await push(one.registry, "team/app");
    expect([await visibility("team/app"), await shown("team/app", "description")]).toEqual([
      ...["inherit", ["x", "repository team/app"]],
    ]);
    const [made] = await Array.fromAsync(
      readLatest(one.registry.metadata.read, { repository: "team/app", action: "create-repository" }),
    );
    expect(JSON.stringify(made)).toContain("namespace team");
    await changeSettings(
      one.registry,
      caller,
      { namespace: "team" },
      { ...noChange, relax: ["visibility"] },
      undefined,
    );
    expect(await visibility("team/app")).toBe("inherit");
  });

  test("what means nothing is refused: keys of namespaces, expressions and policies that are none, too many templates", async () => {
    const wrong: [object, RegExp][] = [
      [{ repositoryCreation: "explicit" }, /is for namespaces/],
      [{ tagFormat: { semver: false, regex: ["(a"], except: [] } }, /settings.tagFormat.regex/],
      [{ lifecycle: { rules: "none" } }, /lifecycle policy cannot be taken/],
    ];
    for (const [settings, reason] of wrong) {
      await expect(put("x", "*", settings)).rejects.toMatchObject({
        ...{ code: "REQUEST_INVALID", message: expect.stringMatching(reason) },
      });
    }
    await expect(put("x", "*", { description: "x" }, "nowhere")).rejects.toMatchObject({ code: "NAMESPACE_UNKNOWN" });
    await expect(
      deleteTemplate(one.registry, caller, { namespace: "team", name: "none" }, undefined),
    ).rejects.toMatchObject({ code: "NOT_FOUND" });
    for (let number = 0; number < 100; number++) await put(`t${number}`, "x", { description: "x" });
    await expect(put("one-more", "x", { description: "x" })).rejects.toMatchObject({ code: "CONFLICT" });
    await expect(put("t7", "y", { description: "y" })).resolves.toMatchObject({ pattern: "y" });
  });

  test("a change of a template waits for the repository that is being made, and holds for the next", async () => {
    await put("all", "*", { description: "before" });
    const ends = await world.race({ by: one, at: "insertAudit", run: () => push(one.registry, "team/a") }, () =>
      put("all", "*", { description: "after" }, "team", other),
    );
    expect(ends.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled"]);
    const [last] = await Array.fromAsync(readLatest(one.registry.metadata.read, {}));
    expect([last!.action, await shown("team/a", "description")]).toEqual([
      ...["put-template", ["before", "repository team/a"]],
    ]);
    await world.race(
      { by: other, at: "insertAudit", run: () => put("all", "*", { description: "last" }, "team", other) },
      () => push(one.registry, "team/b"),
    );
    expect((await shown("team/b", "description"))[0]).toBe("last");
  });

  test("a repository under the name of a deleted one begins as its template says, not as the old one was", async () => {
    await put("all", "*", { description: "fresh" });
    const app = parseRepositoryName("team/app");
    await make(app);
    const change = { ...noChange, set: { description: "old", labels: { a: "b" } } };
    await changeSettings(one.registry, caller, { repository: app }, change, undefined);
    await deleteRepository(one.registry, caller, app, undefined);
    await push(one.registry, app);
    expect([await shown(app, "description"), await shown(app, "labels")]).toEqual([
      ...[
        ["fresh", "repository team/app"],
        [{}, "the default"],
      ],
    ]);
  });
});
