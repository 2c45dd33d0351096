import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll } from "vitest";
import { adminPassword, basicHeader, startGuardedServer } from "./management-client.ts";
import { runBerth } from "./run-berth.ts";
import { WireClient } from "./wire-client.ts";

/**
 * A server with access control and its first owner at the command line, with a home of their own; all of it ends with the
 * file's tests.
 * @param page of the documentation whose examples are played: `guide/holds.md`
 */
export async function openCommands(page: string) {
  const guarded = await startGuardedServer();
  const home = await mkdtemp(join(tmpdir(), "berth-commands-"));
  afterAll(async () => {
    await guarded.close();
    await rm(home, { recursive: true, force: true });
  });
  const authorization = basicHeader("admin", adminPassword);
  const client = new WireClient(
    () => guarded.server.url,
    (input, init) => fetch(input, { ...init, headers: { ...(init?.headers as object), authorization } }),
  );
  const text = readFileSync(resolve(import.meta.dirname, "../../docs", page), "utf8");
  const berth = (args: readonly string[], input = "") => runBerth(args, { HOME: home, PATH: "/nowhere" }, input);
  return {
    admin: guarded.admin,
    as: guarded.as,
    host: guarded.server.host,
    home,
    /** As the owner. */
    client,
    berth,
    logIn: () => berth(["login", guarded.server.host, "--user", "admin", "--password-stdin"], adminPassword),
    /** The page. */
    text,
    /** The page's first block of code of a kind. */
    block: (kind: string) => new RegExp(`\`\`\`${kind}\n([^]*?)\`\`\``).exec(text)![1]!.trim(),
  };
}
