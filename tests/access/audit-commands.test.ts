import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startPostgres } from "../support/postgres.ts";
import { run } from "../support/run.ts";
import { runBerth } from "../support/run-berth.ts";
import { startTestServer } from "../support/start-server.ts";
import type { TestServer } from "../support/start-server.ts";
import { WireClient } from "../support/wire-client.ts";
import { mainFile } from "../support/main-file.ts";

const folder = await mkdtemp(join(tmpdir(), "berth-trail-"));
const postgres = await startPostgres();
afterAll(async () => {
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
});

describe.each(["SQLite", "PostgreSQL"] as const)("%s", (kind) => {
  const there = kind === "SQLite" || postgres !== undefined;
  const it = test.skipIf(!there);
  const data = join(folder, kind);
  const rows = kind === "SQLite" ? {} : { database: postgres?.url };
  let server: TestServer;

  const berth = (...args: string[]) => {
    const env = kind === "SQLite" ? {} : { BERTH_DATABASE: postgres!.url };
    return run(process.execPath, [mainFile, "trail", ...args, "--data", data], { cwd: folder, env });
  };
  const sql = async (text: string) => {
    if (kind === "SQLite") {
      const database = new DatabaseSync(join(data, "berth.db"));
      database.exec(text);
      database.close();
      return;
    }
    const client = new pg.Client({ connectionString: postgres!.url });
    await client.connect();
    await client.query(text);
    await client.end();
  };

  beforeAll(async () => {
    if (!there) return;
    server = await startTestServer({ data, open: false, adminPassword: "secret-of-admin", ...rows } as never);
    const login = `Basic ${Buffer.from("admin:secret-of-admin").toString("base64")}`;
    const client = new WireClient(
      () => server.url,
      (input, init) => fetch(input, { ...init, headers: { ...(init?.headers as object), authorization: login } }),
    );
    await client.pushImage("team/app", "v1");
    const wrong = `Basic ${Buffer.from("admin:wrong").toString("base64")}`;
    for (let time = 0; time < 3; time++) {
      expect((await fetch(`${server.url}/v2/`, { headers: { authorization: wrong } })).status).toBe(401);
    }
    expect((await fetch(`${server.url}/v2/team/app/manifests/v1`)).status).toBe(401);
    // Writes down what was refused, and seals.
    await server.restart();
  });
  afterAll(() => server?.close());

  it("show prints the latest rows first, those that fit, beside a running server", async () => {
    const { code, output } = await berth("show");
    expect(code).toBe(0);
    const lines = output.trimEnd().split("\n");
    expect(lines[0]).toMatch(/^TIME +WHO +BY +FROM +WHAT +ON +DECISION +WHY$/);
    expect(output).toMatch(
      /^20\S+Z +anonymous +password +127\.0\.0\.1 +login \(3 times\) +user:admin +refused +the password is wrong$/m,
    );
    expect(output).toMatch(
      /^20\S+Z +user:admin +password +127\.0\.0\.1 +tag +team\/app v1 +allowed +user:admin has the role owner on the root namespace$/m,
    );
    const found = await berth("show", "--action", "push", "--repository", "team", "--since", "1h", "--output", "json");
    expect(JSON.parse(found.output)).toMatchObject([
      { principal: "user:admin", action: "push", repository: "team/app" },
    ]);
    expect(JSON.parse((await berth("show", "--limit", "2", "--output", "json")).output)).toHaveLength(2);
    expect((await berth("show", "--until", "1d", "--output", "json")).output).toBe("[]\n");
    expect(await berth("show", "--since", "yesterday")).toMatchObject({
      code: 2,
      output: expect.stringContaining("--since is yesterday: give a time such as") as string,
    });
  });

  it("export writes every sealed row as a line, and goes on from a cursor", async () => {
    const whole = await berth("export", "--to", "rows.jsonl");
    const lines = (await readFile(join(folder, "rows.jsonl"), "utf8")).trimEnd().split("\n");
    await rm(join(folder, "rows.jsonl"));
    const entries = lines.map((line) => JSON.parse(line) as { id: number; cursor: string; action: string });
    expect(whole).toMatchObject({
      code: 0,
      output: `berth: ${lines.length} rows; for what comes later: --after ${entries.at(-1)!.cursor}\n`,
    });
    expect(entries.map(({ action }) => action)).toEqual(
      expect.arrayContaining(["create-user", "create-repository", "push-blob", "push", "tag", "login", "pull"]),
    );
    const rest = await berth("export", "--after", entries.at(-3)!.cursor);
    expect(rest.output).toContain(`${lines.slice(-2).join("\n")}\n`);
    expect(rest.output.trimEnd().split("\n")).toHaveLength(3);
    expect(await berth("export", "--after", "x")).toMatchObject({ code: 2 });
    expect((await berth("export", "--to", "/nowhere/rows")).output).toMatch(
      /^berth: \/nowhere\/rows cannot be written/,
    );
  });

  it("show and export read from a server where the user has logged in, as it allows", async () => {
    const home = join(data, "home");
    const remote = (args: readonly string[], input = "") => runBerth(args, { HOME: home, PATH: "/nowhere" }, input);
    const login = ["login", server.url, "--user", "admin", "--password-stdin", "--no-docker"];
    expect(await remote(login, "secret-of-admin\n")).toMatchObject({ code: 0 });
    const shown = ["trail", "show", "--server", server.host, "--output", "json", "--since", "1h"];
    const found = await remote([...shown, "--action", "push"]);
    expect(JSON.parse(found.stdout)).toMatchObject([{ principal: "user:admin", repository: "team/app" }]);
    expect(JSON.parse((await remote([...shown, "--namespace", "other"])).stdout)).toEqual([]);
    const here = (await berth("export")).output.split("\n").slice(0, -2);
    const there = (await remote(["trail", "export", "--server", server.host])).stdout.split("\n").slice(0, -1);
    // A login may be sealed between the two.
    expect(there.slice(0, here.length)).toEqual(here);
    expect(await remote(["trail", "show", "--namespace", "team"])).toMatchObject({
      code: 2,
      stderr: "berth: --namespace is for a server: name it with --server or --context\n",
    });
    expect(await remote(["trail", "show", "--server", "other.example"])).toMatchObject({ code: 2 });
  });

  it("verify says that the chain holds, ends with 4 where it does not, and names the row", async () => {
    const whole = await berth("verify");
    expect(whole.code).toBe(0);
    expect(whole.output).toMatch(/^chain +holds$/m);
    const head = /^head +(\S+)$/m.exec(whole.output)![1]!;
    expect((await berth("verify", "--noted", head)).code).toBe(0);
    expect(
      (
        await berth(
          "verify",
          "--noted",
          head.replace(/.$/, (last) => (last === "0" ? "1" : "0")),
        )
      ).code,
    ).toBe(4);
    expect((await berth("verify", "--noted", "x")).code).toBe(2);
    await server.stop();
    await sql("update audit set target = 'v2' where action = 'tag'");
    const broken = await berth("verify");
    expect(broken.code).toBe(4);
    expect(broken.output).toMatch(/^chain +broken at row \d+, seal \d+: the row was changed$/m);
    expect(JSON.parse((await berth("verify", "--output", "json")).output)).toMatchObject({
      broken: { what: "the row was changed" },
    });
    await server.start();
  });
});
