import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { authenticate, authorize, findHolder, hashPassword } from "../../src/access/index.ts";
import type { Access } from "../../src/access/index.ts";
import { KnownPeople } from "../../src/access/identity-providers/testing/known-people.ts";
import { findGroup, insertGroup, openPostgres, openSqliteInProcess } from "../../src/metadata/index.ts";
import type { Metadata, Transaction } from "../../src/metadata/index.ts";
import { parseRepositoryName } from "../../src/oci/index.ts";
import type { Action } from "../../src/policy/index.ts";
import { pushBlob } from "../../src/registry/index.ts";
import { writes } from "../../src/writes.ts";
import type { AllWrites } from "../../src/writes.ts";
import { adminPassword, startGuardedServer } from "../support/management-client.ts";
import { codeOf } from "../support/open-federation.ts";
import {
  basic,
  callerOf,
  grant,
  makeAccount,
  makeNamespace,
  makeRobot,
  makeToken,
  makeTrustRule,
  openGuarded,
} from "../support/open-rights.ts";
import { digestOf } from "../support/open-registry.ts";
import { needPeers } from "../support/peers.ts";
import { startPostgres } from "../support/postgres.ts";
import { directoryBase, startDirectory } from "../support/slapd.ts";

const app = parseRepositoryName("acme/app");
const by = { principal: "system:test", credential: null, address: null, request: null, reason: "test" };

/** A group of this registry itself. */
async function makeLocalGroup(tx: Transaction, { name }: { readonly name: string }): Promise<{ readonly id: number }> {
  return (await tx.first(insertGroup, { name, source: "local", now: tx.now }))!;
}
const more = { ...writes, makeLocalGroup };

const postgres = await startPostgres();
afterAll(() => postgres?.stop());

describe.each(["SQLite", "PostgreSQL"] as const)("people of a directory, rows in %s", (kind) => {
  const it = test.skipIf(kind === "PostgreSQL" && postgres === undefined);
  let metadata: Metadata<typeof more>;
  let access: Access;
  let registry: Awaited<ReturnType<typeof openGuarded>>;
  let people: KnownPeople;
  let acme: number;

  beforeEach(async () => {
    metadata =
      kind === "SQLite"
        ? openSqliteInProcess<typeof more>(":memory:", more)
        : await openPostgres<typeof more>(await postgres!.makeMigrated(), more);
    people = new KnownPeople();
    registry = await openGuarded(metadata as unknown as Metadata<AllWrites>, undefined, {}, people);
    access = registry.access;
    put("alice", ["dev", "ops"]);
    acme = await makeNamespace(rows(), "acme");
    await authenticate(access, basic("alice", "alice-password"));
    await grant(rows(), { group: await groupId("dev") }, { namespace: acme }, "writer");
  });
  afterEach(async () => {
    vi.useRealTimers();
    access.version.close();
    await metadata.close();
  });
  const rows = () => metadata as unknown as Metadata<AllWrites>;
  const put = (name: string, groups: readonly string[], externalId = `id-${name}`, mapped = false) => {
    const named = groups.map((group) => ({ name: group, mapped }));
    const identity = { externalId, name, display: name, email: null, groups: named };
    people.people.set(name, { identity, password: `${name}-password` });
  };
  const groupId = async (name: string) => (await metadata.read.first(findGroup, { name }))!.id;
  const may = async (header: string, action: Action) => {
    const principal = await authenticate(access, header);
    return (await codeOf(Promise.resolve(authorize(access, callerOf(principal), action, app)))) === "done";
  };
  const later = (seconds: number) => {
    vi.useFakeTimers({ toFake: ["Date"] });
    vi.setSystemTime(Date.now() + seconds * 1000);
  };

  it("who logs in with a password of the directory has an account, and the rights of the groups", async () => {
    const principal = await authenticate(access, basic("alice", "alice-password"));
    expect(principal).toMatchObject({ kind: "account", name: "user:alice", credential: "directory" });
    expect(await may(basic("alice", "alice-password"), "push")).toBe(true);
    expect(await may(basic("alice", "alice-password"), "delete")).toBe(false);
    expect(await codeOf(authenticate(access, basic("alice", "wrong")))).toBe("UNAUTHORIZED");
    expect(await codeOf(authenticate(access, basic("alice", "")))).toBe("UNAUTHORIZED");
    expect(await codeOf(authenticate(access, basic("nobody", "alice-password")))).toBe("UNAUTHORIZED");
  });

  it("groups that the directory takes away are gone at the next use, of passwords and of tokens (threat 3)", async () => {
    const { id } = await authenticate(access, basic("alice", "alice-password"));
    const { secret } = await makeToken(rows(), id, null, 86_400_000);
    expect([await may(basic("alice", "alice-password"), "push"), await may(basic("token", secret), "push")]).toEqual([
      true,
      true,
    ]);
    put("alice", ["ops"]);
    later(61);
    expect(await may(basic("token", secret), "push")).toBe(false);
    expect(await may(basic("alice", "alice-password"), "push")).toBe(false);
    put("alice", ["ops", "dev"]);
    later(61);
    expect(await may(basic("token", secret), "push")).toBe(true);
  });

  it("robots follow who answers for them, though that one does nothing, and go on while the directory is down (threat 3)", async () => {
    const { id } = await authenticate(access, basic("alice", "alice-password"));
    const { secret } = await makeRobot(rows(), acme, "ci", { account: id }, 86_400_000);
    const { id: robot } = await authenticate(access, basic("token", secret));
    await grant(rows(), { robot }, { namespace: acme }, "writer");
    // One that the first one made.
    const second = await makeRobot(rows(), acme, "narrow", { robot }, 86_400_000);
    await grant(rows(), { robot: second.id }, { namespace: acme }, "writer");
    const all = async () => [
      await may(basic("token", secret), "push"),
      await may(basic("token", second.secret), "push"),
    ];
    expect(await all()).toEqual([true, true]);
    put("alice", ["ops"]);
    later(61);
    expect(await all()).toEqual([false, false]);
    put("alice", ["ops", "dev"]);
    later(61);
    expect(await all()).toEqual([true, true]);
    people.down = true;
    later(7_200);
    expect(await all()).toEqual([true, true]);
    people.down = false;
    people.people.delete("alice");
    later(61);
    expect(await codeOf(authenticate(access, basic("token", secret)))).toBe("UNAUTHORIZED");
    expect(await codeOf(authenticate(access, basic("token", second.secret)))).toBe("UNAUTHORIZED");
  });

  it("trust rules follow who answers for them, too", async () => {
    const alice = await authenticate(access, basic("alice", "alice-password"));
    await grant(rows(), { group: await groupId("dev") }, { namespace: acme }, "owner");
    const rule = await makeTrustRule(rows(), {
      ...{ caller: callerOf(alice), namespace: "acme", issuer: "https://issuer.example" },
      ...{ conditions: [{ claim: ["sub"], equals: "ci" }] },
      grants: [{ on: { namespace: "acme" }, role: "writer", actions: [], tags: null }],
    });
    const fingerprint = JSON.stringify({ name: "workload:rule/ci", rules: [{ id: rule, revision: 1 }] });
    const credential = `identity:${Math.floor(Date.now() / 1000) + 86_400}`;
    const push = async () => {
      const held = await findHolder(access, { kind: "workload", id: rule, credential, fingerprint });
      if (held === undefined) return "ended";
      return codeOf(Promise.resolve(authorize(access, callerOf(held.principal), "push", app)));
    };
    expect(await push()).toBe("done");
    put("alice", ["ops"]);
    later(61);
    expect(await push()).toBe("DENIED");
    people.people.delete("alice");
    later(61);
    expect(await push()).toBe("ended");
  });

  it("a group that is taken away during a push ends it, though nobody asks for anything else", async () => {
    const { id } = await authenticate(access, basic("alice", "alice-password"));
    const { secret } = await makeToken(rows(), id, null, 86_400_000);
    const caller = callerOf(await authenticate(access, basic("token", secret)));
    const bytes = Buffer.from("layer");
    const work = pushBlob(registry, caller, app, digestOf(bytes), async (take) => {
      await take(bytes.subarray(0, 1));
      put("alice", ["ops"]);
      later(61);
      await take(bytes.subarray(1));
    });
    expect(await codeOf(work)).toBe("DENIED");
  });

  it("while tokens are used the directory is asked in the background, and not asked again and again while it is down", async () => {
    const { id } = await authenticate(access, basic("alice", "alice-password"));
    const { secret } = await makeToken(rows(), id, null, 86_400_000);
    const push = () => may(basic("token", secret), "push");
    put("alice", ["ops"]);
    let release = () => undefined as void;
    people.holds = new Promise((resolve) => (release = resolve));
    later(50);
    // Both would wait for ever.
    expect(await Promise.all([push(), push()])).toEqual([true, true]);
    release();
    await expect.poll(push).toBe(false);
    put("alice", ["dev"]);
    later(61);
    expect(await push()).toBe(true);
    people.down = true;
    later(61);
    const before = people.asked;
    for (let time = 0; time < 5; time++) expect(await push()).toBe(true);
    expect(people.asked - before).toBe(1);
    later(16);
    expect([await push(), people.asked - before]).toEqual([true, 2]);
  });

  it("people of a directory that is asked no more are nobody", async () => {
    const { id } = await authenticate(access, basic("alice", "alice-password"));
    const { secret } = await makeToken(rows(), id, null, 86_400_000);
    const without = await openGuarded(metadata as unknown as Metadata<AllWrites>);
    expect(await codeOf(authenticate(without.access, basic("token", secret)))).toBe("UNAUTHORIZED");
    without.access.version.close();
  });

  it("who is gone from the directory is gone here, with all tokens; so is another person of the same name (threat 32)", async () => {
    const { id } = await authenticate(access, basic("alice", "alice-password"));
    const { secret } = await makeToken(rows(), id, null, 86_400_000);
    put("alice", ["dev"], "another-person");
    later(61);
    expect(await codeOf(authenticate(access, basic("token", secret)))).toBe("UNAUTHORIZED");
    expect(await codeOf(authenticate(access, basic("alice", "alice-password")))).toBe("CONFLICT");
    people.people.delete("alice");
    later(61);
    expect(await codeOf(authenticate(access, basic("token", secret)))).toBe("UNAUTHORIZED");
  });

  it("a group of this registry is joined only where the operator mapped it", async () => {
    const { id } = await metadata.write("makeLocalGroup", { name: "admins" });
    const root = await makeNamespace(rows(), "root-of-all");
    await grant(rows(), { group: id }, { namespace: root }, "owner");
    const owns = async () => {
      later(61);
      const principal = await authenticate(access, basic("alice", "alice-password"));
      const name = parseRepositoryName("root-of-all/app");
      return codeOf(Promise.resolve(authorize(access, callerOf(principal), "delete", name)));
    };
    put("alice", ["admins"]);
    expect(await owns()).toBe("DENIED");
    put("alice", ["admins"], "id-alice", true);
    expect(await owns()).toBe("done");
    put("alice", []);
    expect(await owns()).toBe("DENIED");
  });

  it("a user of this registry keeps its name and password, whatever the directory says", async () => {
    const kept = await hashPassword("local-password");
    const account = { name: "bob", display: null, email: null, password: kept, source: "local", externalId: null };
    await metadata.write("createAccount", { by, ...account });
    put("bob", ["dev"]);
    expect(await codeOf(authenticate(access, basic("bob", "bob-password")))).toBe("UNAUTHORIZED");
    expect((await authenticate(access, basic("bob", "local-password"))).credential).toBe("password");
    expect(await may(basic("bob", "local-password"), "push")).toBe(false);
  });

  it("while the directory is down, its people are told so, tokens go on for an hour, and local users do not notice", async () => {
    const { id } = await authenticate(access, basic("alice", "alice-password"));
    const { secret } = await makeToken(rows(), id, null, 86_400_000);
    expect(await may(basic("token", secret), "push")).toBe(true);
    const carol = await makeAccount(rows(), "carol");
    const { secret: local } = await makeToken(rows(), carol, null, 86_400_000);
    people.down = true;
    later(120);
    expect(await codeOf(authenticate(access, basic("alice", "alice-password")))).toBe("UNAVAILABLE");
    expect(await may(basic("token", secret), "push")).toBe(true);
    expect(await codeOf(authenticate(access, basic("token", local)))).toBe("done");
    later(3_600);
    expect(await codeOf(authenticate(access, basic("token", secret)))).toBe("UNAVAILABLE");
    expect(await codeOf(authenticate(access, basic("token", local)))).toBe("done");
  });

  it("names that no user can have never reach the directory", async () => {
    const before = people.asked;
    for (const name of ["*", "alice)(uid=*", "Alice", "alice\0", "uid=alice,dc=example", "", "a".repeat(65)]) {
      expect(await codeOf(authenticate(access, basic(name, "alice-password"))), name).toBe("UNAUTHORIZED");
    }
    expect(people.asked).toBe(before);
  });
});

describe("a server with slapd", async () => {
  const directory = await startDirectory();
  afterAll(() => directory?.close());

  test("people log in; when it is down they are told so, and local users still work", async (context) => {
    needPeers(context, "slapd");
    const { url, root, caFile } = directory!;
    const guarded = await startGuardedServer({
      ldap: {
        ...{ url, ca: caFile, bindDn: root.dn, bindPassword: root.password, timeout: "20s" },
        ...{
          base: `ou=people,${directoryBase}`,
          groupBase: `ou=groups,${directoryBase}`,
          groups: ["dev => developers"],
        },
      },
    });
    try {
      const me = await guarded.as("alice", "alice-password").get("/me");
      expect(me.body).toMatchObject({ name: "user:alice", credential: "directory" });
      const { body: groups } = await guarded.admin.get("/groups");
      expect(groups.items.map(({ name }: { name: string }) => name)).toEqual(["developers"]);
      expect((await guarded.as("alice", "bob-password").get("/me")).status).toBe(401);
      await directory!.stop();
      const down = await guarded.as("bob", "bob-password").get("/me");
      expect([down.status, down.text]).toEqual([
        503,
        expect.stringMatching(/the directory .* does not answer as it should \(ECONNREFUSED\)/),
      ]);
      expect((await guarded.as("admin", adminPassword).get("/me")).status).toBe(200);
      const text = JSON.stringify([guarded.server.log.lines, guarded.server.log.requests]);
      for (const secret of ["alice-password", "bob-password", root.password]) expect(text).not.toContain(secret);
    } finally {
      await guarded.close();
    }
  });
});
