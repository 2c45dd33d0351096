import { afterAll, afterEach, beforeEach, describe, test } from "vitest";
import type { Access } from "../../src/access/index.ts";
import type { Registry } from "../../src/registry/index.ts";
import { openTestDatabase } from "./open-database.ts";
import type { TestDatabase } from "./open-database.ts";
import { openGuarded } from "./open-rights.ts";
import { startPostgres } from "./postgres.ts";

/** What the tests below find anew before each of them. */
export interface GuardedRows {
  readonly database: TestDatabase;
  /** The use-cases over these rows, with access control on. */
  readonly registry: Registry & { readonly access: Access };
}

/**
 * Describes tests on SQLite and on PostgreSQL, each with rows of its own; where PostgreSQL is missing they are skipped.
 * @param tests declares them with `it`; `prepare` runs before each
 */
export async function describeEachDatabase(
  tests: (
    it: ReturnType<typeof test.skipIf>,
    prepare: (work: (rows: GuardedRows) => Promise<void> | void) => void,
  ) => void,
): Promise<void> {
  const postgres = await startPostgres();
  afterAll(() => postgres?.stop());
  describe.each(["SQLite", "PostgreSQL"] as const)("%s", (kind) => {
    let rows: GuardedRows | undefined;
    let preparation: (rows: GuardedRows) => Promise<void> | void = () => undefined;
    beforeEach(async () => {
      const database = await openTestDatabase(kind === "SQLite" ? undefined : postgres);
      rows = { database, registry: await openGuarded(database.metadata) };
      await preparation(rows);
    });
    afterEach(async () => {
      rows?.registry.access.version.close();
      await rows?.database.close();
      rows = undefined;
    });
    const it = test.skipIf(kind === "PostgreSQL" && postgres === undefined);
    tests(it, (work) => (preparation = work));
  });
}
