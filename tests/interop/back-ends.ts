import { join } from "node:path";
import { startServer } from "../../src/server.ts";
import { startPostgres } from "../support/postgres.ts";

/** Where rows and bytes are kept. */
export type BackEndName = "SQLite + file system" | "PostgreSQL + file system";

/** A registry that clients are pointed at. */
export interface BackEnd {
  readonly name: BackEndName;
  /** `127.0.0.1:port`, plain HTTP. Undefined where its peers are not installed. */
  readonly registry: string | undefined;
}

/** Starts a registry on every back end; what broke inside one is an error of `stop`. */
export async function startBackEnds(
  folder: string,
): Promise<{ readonly backEnds: readonly BackEnd[]; readonly stop: () => Promise<void> }> {
  const broken: string[] = [];
  const log = (message: string, facts: object) => void broken.push(`${message} ${JSON.stringify(facts)}`);
  const start = (name: string, database?: string) =>
    startServer({ host: "127.0.0.1", port: 0, data: join(folder, name), database, log });
  const sqlite = await start("sqlite");
  const postgres = await startPostgres();
  const second = postgres === undefined ? undefined : await start("postgres", postgres.url);
  return {
    backEnds: [
      { name: "SQLite + file system", registry: `127.0.0.1:${sqlite.port}` },
      { name: "PostgreSQL + file system", registry: second && `127.0.0.1:${second.port}` },
    ],
    async stop() {
      await Promise.all([sqlite.close(), second?.close()]);
      await postgres?.stop();
      if (broken.length > 0) throw new Error(`the registry met trouble: ${broken.join("\n")}`);
    },
  };
}
