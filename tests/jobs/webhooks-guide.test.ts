import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { findFreePort } from "../support/free-port.ts";
import { adminPassword, basicHeader, startGuardedServer } from "../support/management-client.ts";
import { image } from "../support/permissions/rows.ts";
import { runBerth } from "../support/run-berth.ts";
import { types, WireClient } from "../support/wire-client.ts";

const guide = readFileSync(resolve(import.meta.dirname, "../../docs/guide/webhooks.md"), "utf8");
const block = (kind: string) => new RegExp(`\`\`\`${kind}\n([^]*?)\`\`\``).exec(guide)![1]!;

const home = await mkdtemp(join(tmpdir(), "berth-guide-"));
const allow = /BERTH_OUTGOING_ALLOW=(.*)/.exec(guide)![1]!.split(",");
const server = await startGuardedServer({ outgoing: { allow } });
let receiver: ChildProcess | undefined;
afterAll(async () => {
  receiver?.kill();
  await server.close();
  await rm(home, { recursive: true, force: true });
});

test("the guide's receiver gets what the guide says, by the guide's commands", async () => {
  const port = await findFreePort();
  const berth = async (args: readonly string[], input = "") => {
    const ended = await runBerth(args, { HOME: home, PATH: "/nowhere" }, input);
    expect(ended.code, `${args.join(" ")}: ${ended.stderr}`).toBe(0);
    return ended.stdout;
  };
  await berth(["login", server.server.host, "--user", "admin", "--password-stdin"], adminPassword);
  await berth(["namespace", "create", "team"]);
  const [create, ...others] = [...guide.matchAll(/^\$ berth (.*)$/gm)].map(([, command]) => command!.split(" "));
  const made = await berth(create!.map((word) => word.replace("127.0.0.1:8080", `127.0.0.1:${port}`)));
  const secret = /whsec_\S+/.exec(made)![0];
  const file = join(home, "receiver.mjs");
  await writeFile(file, block("js receiver.mjs"));
  const env = { WEBHOOK_SECRET: secret, PORT: String(port) };
  const started = spawn(process.execPath, [file], { env, stdio: ["ignore", "pipe", "inherit"] });
  receiver = started;
  let printed = "";
  started.stdout.setEncoding("utf8").on("data", (text: string) => (printed += text));
  await once(started, "spawn");
  for (let look = 0; look < 2_000; look++) {
    if (
      await fetch(`http://127.0.0.1:${port}`, { method: "POST" }).then(
        ({ status }) => status === 403,
        () => false,
      )
    )
      break;
    await setTimeout(25);
  }
  for (const command of others.slice(0, 1)) expect(await berth(command)).toMatch(/delivered +yes/);
  const authorization = basicHeader("admin", adminPassword);
  const wire = new WireClient(
    () => server.server.url,
    (input, init) => fetch(input, { ...init, headers: { ...(init?.headers as object), authorization } }),
  );
  await wire.pushBlob("team/app", "{}", types.config);
  await wire.pushBlob("team/app", "layer");
  expect((await wire.putManifest("team/app", "v1", image)).status).toBe(201);
  const wanted = block("output").trim().split("\n");
  for (let look = 0; look < 3_000 && printed.split("\n").length <= wanted.length; look++) await setTimeout(20);
  expect(
    printed
      .trim()
      .replaceAll(/sha256:\w+/g, "sha256:…")
      .split("\n"),
  ).toEqual(wanted);
});
