import { spawn } from "node:child_process";
import { chmod, chown, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { openPostgres } from "../../src/metadata/index.ts";
import { findFreePort } from "./free-port.ts";
import { findPeer } from "./peers.ts";
import { run } from "./run.ts";

const programs = "/usr/lib/postgresql/15/bin";

export interface Postgres {
  readonly url: string;
  /** Makes an empty database; resolves to its URL. */
  makeDatabase(name?: string): Promise<string>;
  /** Makes a database with the schema as it is now, from one that was migrated once; resolves to its URL. */
  makeMigrated(): Promise<string>;
  /** Ends the server as a crash would; its data stays. */
  crash(): Promise<void>;
  /** Starts it again on the same port. */
  restart(): Promise<void>;
  /** Ends the server and removes its data. */
  stop(): Promise<void>;
}

/**
 * A PostgreSQL of its own on loopback; undefined where it is not installed, which under CI is an error.
 * @param settings.durable whether a commit waits for the disk: what it promises when its process dies is the same without
 */
export async function startPostgres(settings: { readonly durable?: boolean } = {}): Promise<Postgres | undefined> {
  if (findPeer("postgresql") === undefined) return undefined;
  const folder = await mkdtemp(join(tmpdir(), "berth-postgres-"));
  await chmod(folder, 0o755);
  const data = join(folder, "data");
  // PostgreSQL refuses to run as root.
  const owner = process.getuid?.() === 0 ? await idsOf("postgres") : undefined;
  if (owner !== undefined) await chown(folder, owner.uid, owner.gid);
  const prefix = owner === undefined ? [] : ["--reuid=postgres", "--regid=postgres", "--clear-groups"];
  const start = (program: string, ...args: string[]) =>
    owner === undefined
      ? { command: join(programs, program), args }
      : { command: "setpriv", args: [...prefix, join(programs, program), ...args] };
  const init = start("initdb", "-D", data, "-U", "berth", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync");
  const made = await run(init.command, init.args, { cwd: folder });
  if (made.code !== 0) throw new Error(made.output);
  const port = await findFreePort();
  const sync = settings.durable === true ? [] : ["-F"];
  const where = ["-D", data, "-h", "127.0.0.1", "-p", String(port), "-k", folder];
  const { command, args } = start("postgres", ...where, ...sync);
  const launch = async () => {
    const child = spawn(command, args, { cwd: folder, stdio: "ignore" });
    const ended = new Promise((resolve) => child.once("exit", resolve));
    for (let attempt = 0; ; attempt++) {
      const ready = await run(join(programs, "pg_isready"), ["-h", "127.0.0.1", "-p", String(port)], { cwd: folder });
      if (ready.code === 0) return { child, ended };
      if (attempt > 600) throw new Error(`PostgreSQL does not start: ${ready.output}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  let server = await launch();
  const end = async (signal: "SIGINT" | "SIGQUIT") => {
    server.child.kill(signal);
    await server.ended;
  };
  const url = `postgres://berth@127.0.0.1:${port}/postgres`;
  let databases = 0;
  const make = async (name = `database_${++databases}`, template = "template1") => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query(`create database ${name} template ${template}`);
    await client.end();
    return url.replace(/postgres$/, name);
  };
  const migrate = async () => {
    const metadata = await openPostgres(await make("migrated"), {});
    await metadata.close();
    return "migrated";
  };
  let migrated: Promise<string> | undefined;
  return {
    url,
    makeDatabase: (name) => make(name),
    makeMigrated: async () => make(undefined, await (migrated ??= migrate())),
    crash: () => end("SIGQUIT"),
    async restart() {
      server = await launch();
    },
    async stop() {
      await end("SIGINT");
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function idsOf(user: string): Promise<{ readonly uid: number; readonly gid: number }> {
  const [uid, gid] = await Promise.all(
    ["-u", "-g"].map(async (flag) => (await run("id", [flag, user], { cwd: "/" })).output),
  );
  return { uid: Number(uid), gid: Number(gid) };
}
