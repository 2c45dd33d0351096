import { mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { Settings } from "../../src/config.ts";
import { openReadOnlyRows } from "../../src/open-stores.ts";
import { readLatest } from "../../src/access/index.ts";
import { adminPassword, basicHeader, clientOf, startGuardedServer } from "../support/management-client.ts";
import { startPostgres } from "../support/postgres.ts";
import { runBerth } from "../support/run-berth.ts";

const folder = await mkdtemp(join(tmpdir(), "berth-recover-"));
const postgres = await startPostgres();
afterAll(async () => {
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
}, 240_000);

const guide = await readFile(resolve(import.meta.dirname, "../../docs/guide/lost-owner.md"), "utf8");
const [, command, example] = /^\$ berth (.*)\n([^]*?)```/m.exec(guide)!;
const blur = (text: string) => text.replace(/^(password +)\S+/m, "$1SECRET").trim();

describe.each(["SQLite", "PostgreSQL"] as const)("on %s", (kind) => {
  const it = kind === "PostgreSQL" ? test.skipIf(postgres === undefined) : test;
  let made = 0;

  async function start() {
    const data = join(folder, `${kind}-${++made}`);
    const url = kind === "PostgreSQL" ? await postgres!.makeDatabase() : undefined;
    const settings = { data, ...(url === undefined ? {} : { database: url }) } as Settings;
    const flags = ["--data", data, ...(url === undefined ? [] : ["--database", url])];
    const recover = (...more: string[]) =>
      runBerth([...command!.split(" "), ...more, ...flags], { HOME: folder, PATH: "/nowhere" });
    return { ...(await startGuardedServer(settings)), data, recover };
  }
  const passwordIn = (printed: string) => /^password +(\S+)$/m.exec(printed)![1]!;
  it(
    "beside a server: the guide's command gives a new password, the old one and its tokens end",
    { timeout: 240_000 },
    async () => {
      const { server, admin, as, data, recover } = await start();
      await writeFile(join(data, "initial-password"), "old\n");
      const { secret } = (await admin.post("/users/admin/tokens", { name: "laptop" })).body as { secret: string };
      const first = await recover();
      expect(first.stderr).toBe("");
      expect(blur(first.stdout)).toBe(blur(example!));
      const password = passwordIn(first.stdout);
      // A password never seen before is read from its row at once; of what ended, a server hears a moment later.
      await expect.poll(async () => (await as("admin", password).get("/users")).status).toBe(200);
      await expect.poll(async () => (await admin.get("/users")).status, { message: "the former password" }).toBe(401);
      expect((await as("admin", secret).get("/users")).status, "a token").toBe(200);
      await expect(stat(join(data, "initial-password"))).rejects.toThrow("ENOENT");
      const second = await recover("--end-credentials", "--output", "json");
      const { password: other, ...facts } = JSON.parse(second.stdout) as { password: string };
      expect(facts).toMatchObject({ user: "admin", made: false, wasOwner: true, wasDisabled: false, revoked: 1 });
      await expect.poll(async () => (await as("admin", other).get("/users")).status).toBe(200);
      await expect
        .poll(async () => (await as("admin", secret).get("/users")).status, { message: "a token that was revoked" })
        .toBe(401);
      expect(server.log.requests.join("\n") + JSON.stringify(server.log.lines)).not.toContain(other);
      await server.close();
    },
  );

  it(
    "alone, while the store is away: a disabled user is enabled, a missing one made; each has its row",
    { timeout: 240_000 },
    async () => {
      const { server, admin, data, recover } = await start();
      await admin.post("/users", { name: "alice", password: "a password of hers that is long" });
      await admin.patch("/users/alice", { disabled: true });
      await server.stop();
      await rename(join(data, "blobs"), join(data, "elsewhere"));
      const file = join(folder, `${kind}-password`);
      const alice = await recover("alice", "--password-to", file);
      expect(alice.stdout).toMatch(/alice, enabled again/);
      expect(alice.stdout).toMatch(/owner +since now/);
      const password = (await readFile(file, "utf8")).trim();
      expect(alice.stdout).not.toContain(password);
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      const again = await recover("alice", "--password-to", file);
      expect([again.code, again.stderr]).toEqual([1, expect.stringContaining("nothing is overwritten")]);
      const bob = await recover("bob");
      expect(bob.stdout).toMatch(/bob, made now/);
      expect((await recover("Bob!")).code).toBe(2);
      await rename(join(data, "elsewhere"), join(data, "blobs"));

      const rows = await openReadOnlyRows(server.config.database);
      const found = await Array.fromAsync(readLatest(rows.read, { action: "recover-owner" }));
      await rows.close();
      expect(found.map(({ principal, target, decision }) => [principal, target, decision])).toEqual([
        ["system:recovery", "bob", "allowed"],
        ["system:recovery", "alice", "allowed"],
      ]);
      expect(found[0]!.reason).toMatch(/^by \S+ on the machine, without a login$/);
      expect(JSON.stringify(found)).not.toContain(password);
      await server.start();
      for (const [user, secret] of [
        ["alice", password],
        ["bob", passwordIn(bob.stdout)],
        ["admin", adminPassword],
      ] as const) {
        expect((await clientOf(() => server.url, basicHeader(user, secret)).get("/users")).status, user).toBe(200);
      }
      await server.close();
    },
  );

  it(
    "a user of a directory is refused, and where there is no database none is made",
    { timeout: 240_000 },
    async () => {
      const { server, recover, data } = await start();
      await server.stop();
      if (kind === "SQLite") {
        const { DatabaseSync } = await import("node:sqlite");
        const rows = new DatabaseSync(join(data, "berth.db"));
        rows.exec("update account set source = 'ldap'");
        rows.close();
      } else {
        const { default: pg } = await import("pg");
        const client = new pg.Client({ connectionString: (server.config.database as { url: string }).url });
        await client.connect();
        await client.query("update account set source = 'ldap'");
        await client.end();
      }
      const refused = await recover();
      expect([refused.code, refused.stderr]).toEqual([
        1,
        expect.stringContaining("comes from a directory or provider"),
      ]);
      const nowhere = join(folder, `${kind}-nowhere`);
      const database = kind === "PostgreSQL" ? ["--database", await postgres!.makeDatabase()] : [];
      const none = await runBerth(["recover", "owner", "--data", nowhere, ...database], {
        HOME: folder,
        PATH: "/nowhere",
      });
      expect([none.code, none.stderr]).toEqual([3, expect.stringContaining("`berth serve`")]);
      await expect(stat(nowhere)).rejects.toThrow("ENOENT");
    },
  );
});
