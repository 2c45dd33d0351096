import { startPostgres } from "../support/postgres.ts";
import { startTestServer } from "../support/start-server.ts";

/** A registry that clients are pointed at. */
export interface BackEnd {
  /** Where its rows and bytes are. */
  readonly name: string;
  /** `127.0.0.1:port`, plain HTTP. Undefined where its peers are not installed. */
  readonly registry: string | undefined;
}

/** Starts a registry on every back end. `stop` throws when something broke inside one. */
export async function startBackEnds(): Promise<{
  readonly backEnds: readonly BackEnd[];
  readonly stop: () => Promise<void>;
}> {
  const sqlite = await startTestServer();
  const postgres = await startPostgres();
  const second = postgres && (await startTestServer({ database: postgres.url }));
  return {
    backEnds: [
      { name: "SQLite + file system", registry: sqlite.host },
      { name: "PostgreSQL + file system", registry: second?.host },
    ],
    async stop() {
      await Promise.all([sqlite.close(), second?.close()]);
      await postgres?.stop();
      const errors = [...sqlite.errors, ...(second?.errors ?? [])];
      if (errors.length > 0) throw new Error(`the registry met trouble: ${JSON.stringify(errors)}`);
    },
  };
}
