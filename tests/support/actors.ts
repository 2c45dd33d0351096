import pg from "pg";
import { openPostgres, openSqliteInProcess } from "../../src/metadata/index.ts";
import { registryWrites } from "../../src/registry/index.ts";
import type { Registry, RegistryWrites } from "../../src/registry/index.ts";
import { memoryDriver } from "../../src/storage/index.ts";
import type { BlobDriver } from "../../src/storage/index.ts";
import { comeToRest } from "./come-to-rest.ts";
import { openRegistry } from "./open-registry.ts";
import type { TestSettings } from "./open-registry.ts";
import type { startPostgres } from "./postgres.ts";

/** Somebody at work on the registry, with connections of its own where the database has them. */
export interface Actor {
  readonly registry: Registry & { readonly alarms: string[] };
  /** From now on, the next write that comes to this statement is held before it; resolves once it is. */
  holdAt(statement: string): Promise<void>;
  /** Lets the held write go on. */
  letGo(): void;
  /** How often its writes ran a statement; undefined where that is not counted. */
  ran(statement: string): number | undefined;
}

/** Several actors on one registry. */
export interface World {
  readonly kind: "sqlite" | "postgres";
  readonly driver: BlobDriver;
  actor(settings?: TestSettings): Promise<Actor>;
  /**
   * Runs `first` up to `statement`, then starts `second`, lets it come to its end or to where it waits for `first`, then
   * lets `first` go on; both results. On SQLite, whose transactions follow one another, `second` comes after `first`.
   */
  race<A, B>(
    first: { readonly by: Actor; readonly at: string; readonly run: () => Promise<A> },
    second: () => Promise<B>,
  ): Promise<[PromiseSettledResult<A>, PromiseSettledResult<B>]>;
  /** Resolves once the work has ended or waits for somebody who is held; at once where nobody is. */
  comeToRest(work: Promise<unknown>): Promise<void>;
  close(): Promise<void>;
}

class Gate {
  readonly ran = new Map<string, number>();
  #at: string | undefined;
  #reached: (() => void) | undefined;
  #open: Promise<void> = Promise.resolve();
  #letGo: (() => void) | undefined;

  readonly before = async (statement: string): Promise<void> => {
    this.ran.set(statement, (this.ran.get(statement) ?? 0) + 1);
    if (statement !== this.#at) return;
    this.#at = undefined;
    this.#reached?.();
    await this.#open;
  };

  holdAt(statement: string): Promise<void> {
    this.#at = statement;
    this.#open = new Promise((resolve) => (this.#letGo = resolve));
    return new Promise((resolve) => (this.#reached = resolve));
  }

  letGo(): void {
    this.#at = undefined;
    this.#letGo?.();
  }
}

/** @param writes the registry's, and more where a test has some of its own */
export async function openSqliteWorld(writes: RegistryWrites = registryWrites): Promise<World> {
  const metadata = openSqliteInProcess(":memory:", writes);
  await metadata.write("ensureInstallation", { uploadKey: "00", epoch: "e1" });
  const driver = memoryDriver();
  return {
    kind: "sqlite",
    driver,
    actor: async (settings) => ({
      registry: openRegistry(metadata, driver, settings),
      holdAt: async () => undefined,
      letGo: () => undefined,
      ran: () => undefined,
    }),
    async race(first, second) {
      const [a] = await Promise.allSettled([first.run()]);
      const [b] = await Promise.allSettled([second()]);
      return [a, b];
    },
    comeToRest: async () => undefined,
    close: () => metadata.close(),
  };
}

/** A database of its own on the server. */
export async function openPostgresWorld(
  server: NonNullable<Awaited<ReturnType<typeof startPostgres>>>,
  writes: RegistryWrites = registryWrites,
): Promise<World> {
  const url = await server.makeMigrated();
  const driver = memoryDriver();
  const opened: { close(): Promise<void> }[] = [];
  const onlooker = new pg.Client({ connectionString: url });
  await onlooker.connect();
  const rest = (work: Promise<unknown>) => comeToRest(async (sql) => (await onlooker.query(sql)).rows, work);
  return {
    kind: "postgres",
    driver,
    async actor(settings) {
      const gate = new Gate();
      const metadata = await openPostgres(url, writes, { connections: 4, before: gate.before });
      opened.push(metadata);
      await metadata.write("ensureInstallation", { uploadKey: "00", epoch: "e1" });
      const registry = openRegistry(metadata, driver, settings);
      return {
        registry,
        holdAt: (statement) => gate.holdAt(statement),
        letGo: () => gate.letGo(),
        ran: (statement) => gate.ran.get(statement) ?? 0,
      };
    },
    async race({ by, at, run }, second) {
      const held = by.holdAt(at);
      const a = Promise.allSettled([run()]);
      const missed = a.then(() => {
        throw new Error(`the first actor never came to ${at}`);
      });
      await Promise.race([held, missed]);
      missed.catch(() => undefined);
      const b = Promise.allSettled([second()]);
      await rest(b);
      by.letGo();
      return [(await a)[0], (await b)[0]];
    },
    comeToRest: rest,
    async close() {
      for (const metadata of opened) await metadata.close();
      await onlooker.end();
    },
  };
}
