import { expect } from "vitest";
import { authenticate } from "../../src/access/index.ts";
import { RegistryError } from "../../src/oci/index.ts";
import { changeSettings, inspectQuotas, recountQuotas } from "../../src/registry/index.ts";
import { describeEachDatabase } from "../support/each-database.ts";
import type { GuardedRows } from "../support/each-database.ts";
import { basic, callerOf, grant, makeAccount, makeNamespace, makeToken } from "../support/open-rights.ts";

/* Who gives quotas: nobody gives themselves more than they were given. */

await describeEachDatabase((it, prepare) => {
  let rows: GuardedRows;
  prepare((opened) => void (rows = opened));

  const ownerOf = async (name: string, namespace: number) => {
    const { metadata } = rows.database;
    const account = await makeAccount(metadata, name);
    await grant(metadata, { account }, { namespace }, "owner");
    const { secret } = await makeToken(metadata, account);
    return callerOf(await authenticate(rows.registry.access, basic(name, secret)));
  };
  const codeOf = (work: Promise<unknown>) =>
    work.then(
      () => "done",
      (error: unknown) => (error instanceof RegistryError ? error.code : error),
    );
  const change = (set: object, more: object = {}) => ({ set, unset: [], enforce: [], relax: [], ...more }) as never;

  it("an owner of a namespace sets the quotas of those below it, not its own", async () => {
    const { registry, database } = rows;
    const team = await makeNamespace(database.metadata, "team");
    await makeNamespace(database.metadata, "team/web");
    const owner = await ownerOf("olga", team);
    const own = (set: object, more?: object) =>
      codeOf(changeSettings(registry, owner, { namespace: "team" }, change(set, more), undefined));
    expect(await own({ quotaStorage: 1_000 })).toBe("DENIED");
    expect(await own({}, { unset: ["quotaImages"] })).toBe("DENIED");
    expect(await own({}, { relax: ["quotaRepositories"] })).toBe("DENIED");
    // When to be told is their own affair.
    expect(await own({ quotaWarnings: [50] })).toBe("done");
    const below = changeSettings(registry, owner, { namespace: "team/web" }, change({ quotaImages: 3 }), undefined);
    expect(await codeOf(below)).toBe("done");
    expect(await inspectQuotas(registry, owner, "team/web")).toEqual([
      { quota: "quotaImages", from: "namespace team/web", used: 0, limit: 3, percent: 0, pending: null, givenUp: null },
    ]);
    // All changes wait for a recount: it is for owners of the server.
    expect(await codeOf(recountQuotas(registry, owner, "team"))).toBe("DENIED");
  });
});
