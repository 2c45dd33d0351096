import { isIP } from "node:net";
import { resolve } from "node:path";
import { z } from "zod";

const schema = z.object({
  /** `BERTH_LISTEN`: host and port of the registry. */
  listen: z
    .string()
    .regex(/^(?:\[[0-9a-f:]+\]|[^:]+):\d{1,5}$/i, "is host:port")
    .default("127.0.0.1:5000"),
  /** `BERTH_DATA`: directory of rows and bytes. */
  data: z.string().min(1).default("data"),
  /** `BERTH_DATABASE`: a PostgreSQL URL; SQLite in the data directory without it. */
  database: z
    .string()
    .regex(/^postgres(?:ql)?:\/\//, "is a postgres:// URL")
    .optional(),
  /** `BERTH_OPEN`, `--open`: anyone on this machine may do everything. */
  open: z.boolean(),
});

/** Settings of `serve`, checked. */
export interface Config {
  readonly host: string;
  readonly port: number;
  /** Absolute path. */
  readonly data: string;
  readonly database: string | undefined;
}

/**
 * Reads the command line and the environment.
 * @throws Error with a sentence for the person who started it
 */
export function readConfig(args: readonly string[], env: Readonly<Record<string, string | undefined>>): Config {
  const unknown = args.filter((arg) => arg !== "serve" && arg !== "--open");
  if (args[0] !== "serve" || unknown.length > 0) {
    throw new Error(`${unknown[0] ?? "nothing"} is not understood: start the registry with \`serve --open\``);
  }
  const parsed = schema.safeParse({
    listen: env["BERTH_LISTEN"],
    data: env["BERTH_DATA"],
    database: env["BERTH_DATABASE"],
    open: args.includes("--open") || env["BERTH_OPEN"] === "1",
  });
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new Error(`BERTH_${String(issue?.path[0]).toUpperCase()} ${issue?.message ?? "is not valid"}`);
  }
  const { listen, data, database, open } = parsed.data;
  if (!open)
    throw new Error(
      "there is no access control yet, so the registry starts only with --open (or BERTH_OPEN=1), for this machine alone",
    );
  const colon = listen.lastIndexOf(":");
  const host = listen.slice(0, colon).replace(/^\[|\]$/g, "");
  if (!isLoopback(host)) {
    throw new Error(
      `BERTH_LISTEN names ${host}, which other machines can reach: without access control anyone there could change your images, so only 127.0.0.1, ::1 or localhost are taken`,
    );
  }
  return { host, port: Number(listen.slice(colon + 1)), data: resolve(data), database };
}

function isLoopback(host: string): boolean {
  if (host === "localhost" || host === "::1") return true;
  return isIP(host) === 4 && host.startsWith("127.");
}
