import { globSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { authenticate, authorizeNamespace, hashPassword, readLatest } from "../../src/access/index.ts";
import { writeRefusals } from "../../src/access/keep-trail.ts";
import type { Access, Caller, TrailEntry } from "../../src/access/index.ts";
import { parseReference, parseRepositoryName, parseTag } from "../../src/oci/index.ts";
import {
  deleteManifest,
  deleteTag,
  mountBlob,
  pullManifest,
  pushBlob,
  pushManifest,
} from "../../src/registry/index.ts";
import type { Registry } from "../../src/registry/index.ts";
import { writes } from "../../src/writes.ts";
import { describeEachDatabase } from "../support/each-database.ts";
import type { TestDatabase } from "../support/open-database.ts";
import { digestOf, imageOf, imageType } from "../support/open-registry.ts";
import { basic, callerOf, grant, makeAccount, makeNamespace, makeToken } from "../support/open-rights.ts";

const app = parseRepositoryName("team/app");
const layer = Buffer.from("layer");

await describeEachDatabase((it, prepare) => {
  let database: TestDatabase;
  let registry: Registry & { readonly access: Access };
  let access: Access;
  let team: number;
  prepare(async (rows) => {
    ({ database, registry } = rows);
    access = registry.access;
    team = await makeNamespace(database.metadata, "team");
  });

  async function member(name: string, role: Parameters<typeof grant>[3], tags?: readonly string[]): Promise<Caller> {
    const account = await makeAccount(database.metadata, name);
    await grant(database.metadata, { account }, { namespace: team }, role, tags ?? null);
    const { secret } = await makeToken(database.metadata, account);
    return callerOf(await authenticate(access, basic(name, secret)));
  }
  const push = async (caller: Caller, tag: string, repository = app) => {
    await pushBlob(registry, caller, repository, digestOf(layer), async (take) => void (await take(layer)));
    const bytes = Buffer.from(imageOf(["layer"], { annotations: { tag } }));
    const input = { repository, digest: undefined, tags: [parseTag(tag)], bytes, contentType: imageType };
    return (await pushManifest(registry, caller, input)).digest;
  };
  const codeOf = (work: unknown) =>
    Promise.resolve(work).then(
      () => "done",
      (error: { code?: string }) => error.code,
    );
  const rows = async (filter: Parameters<typeof readLatest>[1] = {}): Promise<TrailEntry[]> => {
    await writeRefusals(access, true);
    return (await Array.fromAsync(readLatest(database.metadata.read, filter))).toReversed();
  };

  it("a change has a row: who, by which credential, what, on what, from where, why, as which request", async () => {
    const caller = await member("wendy", "maintainer");
    const digest = await push(caller, "v1");
    await push(caller, "v1");
    await mountBlob(registry, caller, parseRepositoryName("team/next"), digestOf(layer), app);
    await deleteTag(registry, caller, app, parseTag("v1"));
    await deleteManifest(registry, caller, app, digest);
    const found = await rows({ principal: "user:wendy" });
    expect(found.map(({ action, repository, target }) => [action, repository, target])).toEqual([
      ["create-repository", "team/app", "team/app"],
      ["push-blob", "team/app", digestOf(layer)],
      ["tag", "team/app", "v1"],
      ["push", "team/app", digest],
      ["push", "team/app", digest],
      ["create-repository", "team/next", "team/next"],
      ["mount-blob", "team/next", digestOf(layer)],
      ["delete-tag", "team/app", "v1"],
      ["delete-manifest", "team/app", digest],
    ]);
    const reason = "user:wendy has the role maintainer on namespace team";
    for (const row of found) {
      const from = { address: "192.0.2.1", request: "test", decision: "allowed", reason, times: 1, firstAt: null };
      expect(row).toMatchObject({ ...from, credential: caller.principal.credential });
    }
  });

  it("a refused attempt has a row of the same kind, with what was missing", async () => {
    const caller = await member("rita", "reader");
    for (let time = 0; time < 3; time++) expect(await codeOf(push(caller, "v1"))).toBe("DENIED");
    expect(await codeOf(deleteTag(registry, caller, app, parseTag("v1")))).toBe("DENIED");
    expect(await codeOf(authorizeNamespace(access, caller, "manage-access", "team"))).toBe("DENIED");
    const found = await rows({ decision: "refused" });
    const who = {
      principal: "user:rita",
      credential: caller.principal.credential,
      address: "192.0.2.1",
      request: "test",
    };
    expect(found).toMatchObject([
      { ...who, action: "push", repository: "team/app", times: 3, reason: "no grant here has push" },
      { ...who, action: "delete", repository: "team/app", times: 1, reason: "no grant here has delete" },
      { ...who, action: "manage-access", repository: "", target: "namespace team", times: 1 },
    ]);
    expect(Date.parse(found[0]!.firstAt!)).toBeLessThanOrEqual(Date.parse(found[0]!.at));
  });

  it("what only the transaction of a push or delete refuses has a row, too: tags beyond a grant, tags that do not move", async () => {
    const caller = await member("cid", "maintainer", ["ci-*"]);
    expect(await codeOf(push(caller, "v1"))).toBe("DENIED");
    const owner = await member("olga", "owner");
    await push(owner, "v1");
    expect(await codeOf(deleteTag(registry, caller, app, parseTag("v1")))).toBe("DENIED");
    const fresh = await member("pia", ["pull", "push", "create-repository"]);
    expect(await codeOf(push(fresh, "v2"))).toBe("done");
    const other = Buffer.from(imageOf(["layer"]));
    const input = { repository: app, digest: undefined, tags: [parseTag("v2")], bytes: other, contentType: imageType };
    expect(await codeOf(pushManifest(registry, fresh, input))).toBe("DENIED");
    expect(await rows({ decision: "refused" })).toMatchObject([
      { principal: "user:cid", action: "push", target: "v1" },
      { principal: "user:cid", action: "delete-tag", target: "v1", reason: expect.stringContaining("ci-*") as string },
      {
        principal: "user:pia",
        action: "push",
        target: "v2",
        reason: expect.stringContaining("overwrite-tag") as string,
      },
    ]);
  });

  it("failed logins have rows that name the account, the credential and what was wrong, never what was typed (threat 40)", async () => {
    const { metadata } = database;
    const by = { principal: "system:test", credential: null, address: null, request: null, reason: null };
    const account = { by, display: null, email: null, source: "local", externalId: null };
    await metadata.write("createAccount", { ...account, name: "ann", password: await hashPassword("right-canary") });
    const id = await makeAccount(metadata, "bob");
    const { secret, id: token } = await makeToken(metadata, id, null, -1);
    const from = { address: "192.0.2.7", id: "r-7" };
    const headers = [
      basic("ann", "wrong-canary"),
      basic("ann", "wrong-canary"),
      // The password where the name belongs.
      basic("name-canary", "x"),
      basic("bob", secret),
      `Bearer ${secret.slice(0, -1)}`,
      "Basic Y2FuYXJ5",
    ];
    for (const header of headers) expect(await codeOf(authenticate(access, header, from))).toBe("UNAUTHORIZED");
    const found = await rows({ action: "login" });
    const who = { principal: "anonymous", address: "192.0.2.7", request: "r-7", decision: "refused", repository: "" };
    expect(found).toMatchObject([
      { ...who, target: "user:ann", credential: "password", reason: "the password is wrong", times: 2 },
      { ...who, target: "", times: 3 },
      { ...who, target: "user:bob", credential: `token:${token}`, reason: "the token has expired", times: 1 },
    ]);
    expect(JSON.stringify(found)).not.toMatch(/canary|berth_pat_|Y2Fu/);
  });

  it("a look at what may be mounted is no attempt of its caller", async () => {
    const secret = await makeNamespace(database.metadata, "secret");
    const owner = await makeAccount(database.metadata, "olga");
    await grant(database.metadata, { account: owner }, { namespace: secret }, "owner");
    const { secret: password } = await makeToken(database.metadata, owner);
    const olga = callerOf(await authenticate(access, basic("olga", password)));
    await push(olga, "v1", parseRepositoryName("secret/app"));
    const caller = await member("wendy", "writer");
    expect(await mountBlob(registry, caller, app, digestOf(layer), undefined)).toBe(false);
    expect(await rows({ decision: "refused" })).toEqual([]);
    expect(
      await codeOf(
        (async () => pullManifest(registry, caller, parseRepositoryName("secret/app"), parseReference("v1")))(),
      ),
    ).toBe("DENIED");
    expect(await rows({ decision: "refused" })).toMatchObject([{ action: "pull", repository: "secret/app" }]);
  });

  it("rows are found by principal, action, namespace and time", async () => {
    const caller = await member("wendy", "writer");
    await push(caller, "v1");
    await push(caller, "v1", parseRepositoryName("team/sub/app"));
    const actions = async (filter: Parameters<typeof rows>[0]) => (await rows(filter)).map(({ action }) => action);
    expect(await actions({ repository: "team/sub", action: "push" })).toEqual(["push"]);
    expect(await actions({ repository: "team", action: "push" })).toEqual(["push", "push"]);
    expect(await actions({ principal: "user:nobody" })).toEqual([]);
    expect(await actions({ until: Date.now() - 60_000 })).toEqual([]);
    expect((await actions({ since: Date.now() - 60_000, principal: "user:wendy" })).length).toBe(8);
  });
});

/** Writes that need no audit row, each with the reason. */
const unrecorded: { readonly [write: string]: string } = {
  advanceTurn: "ties the database to its store",
  cancelUpload: "an upload is not content yet",
  changeSetting: "notes which setting the collection saw",
  ...{ claimWebhook: "what was told, shown by `berth webhook deliveries`", keepWebhook: "the same" },
  ...{ recordAttempts: "the same", restWebhook: "the same", releaseWebhookLeases: "the same" },
  ...{ expireDeliveries: "the same", spreadEvents: "hands on what has rows" },
  claimDeadObjects: "removal of bytes that no row names",
  claimJob: "which process does a job: what the job changes has rows of its own",
  claimSweep: "which node sweeps",
  dropSchedule: "a schedule that the settings have no more",
  dropUpload: "an upload is not content yet",
  endUndo: "what ended was told of, with its end, when it was deleted",
  enqueueJob: "what asks for a job has a row of its own",
  dropLifecyclePlan: "a plan that was not finished",
  ...{ dropLifecyclePreviewPages: "the same", keepLifecyclePreviewPage: "what somebody asked for, which has a row" },
  stopLifecyclePreview: "the same",
  ensureInstallation: "the first start",
  ensureSealingKey: "the first start",
  expireLifecyclePreviews: "lifecycle previews that are there no longer",
  expireLifecycleRuns: "lifecycle runs of long ago",
  expireJobs: "jobs that ended long ago",
  expireUploads: "an upload is not content yet",
  finishDeadObjects: "removal of bytes that no row names",
  finishJob: "what a job changed has rows of its own",
  fireSchedule: "a time of a schedule that has come",
  forgetOrphans: "notes of the sweep",
  giveUpObject: "removal of bytes that no row names",
  holdJob: "which process does a job",
  ...{
    keepCollectionFigures: "what was counted",
    noteCollectionPass: "what a pass did, in figures",
    owePace: "when passes may go on",
  },
  keepLifecyclePlan: "what is to be done: what is done has rows",
  markBlobBad: "what a read found, told by the log",
  markBlobsBad: "what a check found, told by the check",
  noteOrphans: "notes of the sweep",
  noteUses: "when tokens and robots were last used",
  claimLogin: "only who asks a provider next; what it says has a row",
  keepLoginSecret: "only what a provider is asked by next",
  putOffLogin: "only that a provider was not heard",
  openDeviceLogin: "nobody is known by it yet: who lets the machine in, or turns it away, has a row",
  pinBlob: "holds content back from collection",
  pinManifest: "holds content back from collection",
  postponeDeadObject: "removal of bytes that no row names",
  putHeartbeat: "a node that is there",
  recordPulls: "when images were last pulled, gathered; pulls are in the access log",
  putSchedule: "a schedule as the settings have it",
  queueUnheld: "asks for reviews",
  readMark: "changes nothing",
  readNodes: "changes nothing",
  ...{ keepHolding: "a backup goes on, its beginning is recorded", releaseObjects: "the same" },
  releaseJobLeases: "which process does a job",
  releaseLeases: "an upload is not content yet",
  removeNode: "a node that is gone",
  renewUpload: "an upload is not content yet",
  saveUpload: "an upload is not content yet",
  sealTrail: "seals the rows themselves",
  settleUsage: "adds up what changes brought that have rows of their own",
  ...{ keepPending: "what was counted", recallPending: "lets it be counted again" },
  ...{ claimRoom: "who makes room on the disk", leaveRoom: "the same", noteRoom: "what was counted" },
  startLifecycleRuns: "runs by schedule: what they delete has rows, and how each ends",
};

/** Functions of all `writes` folders that append audit rows, themselves or by another. */
function findRecording(): ReadonlySet<string> {
  const root = resolve(import.meta.dirname, "../../src");
  const bodies = globSync(["*/writes/**/*.ts"], { cwd: root }).flatMap((file) =>
    readFileSync(join(root, file), "utf8")
      .split(/^(?=(?:export )?(?:async )?function \w+)/m)
      .map((body): [string | undefined, string] => [/^(?:export )?(?:async )?function (\w+)/.exec(body)?.[1], body]),
  );
  const recording = new Set(["recordChange", "insertAudit"]);
  for (let size = 0; size < recording.size;) {
    size = recording.size;
    // Methods of other things have the same names, and so have words in comments and names of fields.
    const called = new RegExp(`(?<!\\.)\\b(?:${[...recording].join("|")})\\b(?=[(,)])`);
    for (const [name, body] of bodies) if (name !== undefined && called.test(body)) recording.add(name);
  }
  return recording;
}

test("every write leaves an audit row, or is named here with the reason", () => {
  const recording = findRecording();
  const silent = Object.keys(writes).filter((name) => !recording.has(name));
  expect(silent.toSorted()).toEqual(Object.keys(unrecorded).toSorted());
});
