import { spawn } from "node:child_process";
import { copyFile, mkdir, mkdtemp, open as openFile, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, describe, expect, test, vi } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { firstPushes } from "../src/cli/first-push.ts";
import { findFreePort } from "./support/free-port.ts";
import { getPeer } from "./support/peers.ts";
import { run } from "./support/run.ts";
import { startProcess } from "./support/start-process.ts";
import { startTestServer } from "./support/start-server.ts";
import { mainFile } from "./support/main-file.ts";

// Each command is a process of its own, on a machine that may be busy.
vi.setConfig({ testTimeout: 60_000 });
const folder = await mkdtemp(join(tmpdir(), "berth-cli-"));
afterAll(() => rm(folder, { recursive: true, force: true }));
const berth = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  run(process.execPath, [mainFile, ...args], { cwd: folder, env });

describe("the launcher", () => {
  const launcher = resolve(import.meta.dirname, "../bin/berth.mjs");

  test("of a copy that lacks its files says what to do", async () => {
    await mkdir(join(folder, "copy", "bin"), { recursive: true });
    await copyFile(launcher, join(folder, "copy", "bin", "berth.mjs"));
    const { code, output } = await run(process.execPath, ["copy/bin/berth.mjs"], { cwd: folder });
    expect([code, output]).toEqual([1, expect.stringContaining("install the package again, or run `npm run build`")]);
  });

  test("of a copy whose packages are missing says `npm ci`", async () => {
    await mkdir(join(folder, "bare", "bin"), { recursive: true });
    await copyFile(launcher, join(folder, "bare", "bin", "berth.mjs"));
    await mkdir(join(folder, "bare", "src"));
    await writeFile(join(folder, "bare", "src", "main.ts"), 'import "a-package-that-is-not-there";\n');
    await writeFile(join(folder, "bare", "package.json"), '{"type":"module"}');
    const { code, output } = await run(process.execPath, ["bare/bin/berth.mjs"], { cwd: folder });
    expect([code, output]).toEqual([1, expect.stringContaining("its packages are not installed")]);
  });
});

test("a user without a home, as in a container under any number, runs it as well", async () => {
  const lost = `
    import os from "node:os";
    import { syncBuiltinESMExports } from "node:module";
    os.homedir = () => { throw new Error("ENOENT: uv_os_homedir"); };
    syncBuiltinESMExports();
    for (const name of ["NODE_COMPILE_CACHE", "XDG_CACHE_HOME"]) delete process.env[name];`;
  const preload = `data:text/javascript,${encodeURIComponent(lost)}`;
  const { code, output } = await run(process.execPath, ["--import", preload, mainFile, "version"], { cwd: folder });
  expect([code, output]).toEqual([0, expect.stringMatching(/^berth +\d/)]);
});

test("compiled code is kept below no folder that whoever runs it happens to be in", async () => {
  const place = join(folder, "anybody-s");
  await mkdir(place);
  for (const nowhere of [
    { HOME: "", XDG_CACHE_HOME: "" },
    { HOME: "h", XDG_CACHE_HOME: "x" },
  ]) {
    const env = { NODE_COMPILE_CACHE: "", ...nowhere };
    const { code } = await run(process.execPath, [mainFile, "version"], { cwd: place, env });
    expect([code, await readdir(place)]).toEqual([0, []]);
  }
});

describe("config", () => {
  test("prints each setting with its value and where it comes from", async () => {
    await writeFile(join(folder, "a.yaml"), "collection:\n  pin: 2h\n");
    const { code, output } = await berth(["config", "--config", "a.yaml", "--data", "d"], { BERTH_DRAIN: "1m" });
    expect(code).toBe(0);
    expect(output).toMatch(/^SETTING +VALUE +FROM$/m);
    expect(output).toMatch(/^collection\.pin +2h +a\.yaml, line 2$/m);
    expect(output).toMatch(/^drain +1m +BERTH_DRAIN$/m);
    expect(output).toMatch(/^data +d +--data$/m);
    expect(output).toMatch(/^ops +127\.0\.0\.1:5001 +default$/m);
    expect(output).toMatch(/^database +\S+\/d\/berth\.db +default$/m);
  });

  test.each(["table", "json", "yaml"])("shows no secret in the form %s", async (form) => {
    await writeFile(join(folder, "secret"), "hunter2\n");
    const { code, output } = await berth(["config", "--output", form], {
      BERTH_DATABASE: "postgres://ann:hunter2@db/berth?sslpassword=hunter2",
      BERTH_STORAGE_CREDENTIALS_ACCESS_KEY_ID: "hunter2",
      BERTH_STORAGE_CREDENTIALS_SECRET_ACCESS_KEY_FILE: "secret",
    });
    expect([code, output.includes("hunter2")]).toEqual([0, false]);
    expect(output).toContain("postgres://ann:********@db/berth");
    if (form === "table") return;
    const values = (form === "json" ? JSON.parse(output) : parse(output)) as { name: string; value: unknown }[];
    expect(values.find(({ name }) => name === "storageCredentials.secretAccessKey")).toEqual({
      name: "storageCredentials.secretAccessKey",
      value: "********",
      source: "environment",
      place: "BERTH_STORAGE_CREDENTIALS_SECRET_ACCESS_KEY_FILE",
    });
  });

  test("--schema prints the JSON Schema that editors check the file with", async () => {
    const { output } = await berth(["config", "--schema"]);
    const schema = JSON.parse(output) as { properties: Record<string, { properties?: object }> };
    expect(schema).toMatchObject({ additionalProperties: false, type: "object" });
    expect(schema.properties["collection"]?.properties).toHaveProperty("pin.default", "24h");
    expect(output).not.toContain("secrecy");
  });

  test("a setting that is not known ends with 2 and its line", async () => {
    await writeFile(join(folder, "b.yaml"), "open: true\nlisen: localhost:1\n");
    const { code, output } = await berth(["config"], { BERTH_CONFIG: "b.yaml" });
    expect([code, output]).toEqual([2, "berth: b.yaml, line 2: `lisen` is not a setting; the nearest is `listen`\n"]);
  });

  test("a password on the command line is refused, since other users can see it", async () => {
    for (const url of ["postgres://ann:hunter2@db/berth", "postgres://db/berth?user=ann&password=hunter2"]) {
      const { code, output } = await berth(["config", "--database", url]);
      expect([code, output.includes("hunter2")]).toEqual([2, false]);
      expect(output).toContain("BERTH_DATABASE_FILE");
    }
  });
});

test("version names Berth and its Node; an unknown command ends with 2 and the nearest one", async () => {
  const { output } = await berth(["version", "--output", "json"]);
  expect(JSON.parse(output)).toMatchObject({ berth: expect.stringMatching(/^\d/), node: process.versions.node });
  const wrong = await berth(["versio"]);
  expect([wrong.code, wrong.output]).toEqual([2, expect.stringContaining("Did you mean version?")]);
});

test("db migrate brings the schema up to date once, and refuses while a server runs on the directory", async () => {
  const data = join(folder, "rows");
  const first = await berth(["db", "migrate", "--data", data, "--output", "json"]);
  expect(JSON.parse(first.output).applied[0]).toBe("0001-core/1");
  expect((await berth(["db", "migrate", "--data", data])).output).toBe("the schema is up to date\n");
  const server = await startTestServer({ data });
  const refused = await berth(["db", "migrate", "--data", data]);
  await server.close();
  expect([refused.code, refused.output]).toEqual([
    3,
    expect.stringContaining("another Berth is using this data directory"),
  ]);
});

test("fsck where no database is says who makes one and whose it must be", async () => {
  const data = join(folder, "nothing");
  await mkdir(data);
  const ended = await berth(["fsck", "--data", data]);
  expect([ended.code, ended.output]).toEqual([3, expect.stringContaining("`berth serve` makes it")]);
});

test("fsck of a database that cannot even be read through says so, and is no defect", async () => {
  const data = join(folder, "malformed");
  await berth(["db", "migrate", "--data", data]);
  const path = join(data, "berth.db");
  const bytes = await readFile(path);
  bytes.fill(0xff, 4096 * 3, 4096 * 5);
  await writeFile(path, bytes);
  const ended = await berth(["fsck", "--data", data]);
  expect([ended.code, ended.output]).toEqual([
    1,
    expect.stringContaining("berth.db is damaged, put a backup in its place"),
  ]);
});

describe("serve", () => {
  const open = ["serve", "--open", "--ops", "off"];

  test.each([
    [
      ["serve", "--ops", "off", "--listen", "0.0.0.0:5000"],
      2,
      "passwords and tokens would pass in clear. Set tls.certificate",
    ],
    [[...open, "--listen", "0.0.0.0:5000"], 2, "which other machines can reach: with --open (BERTH_OPEN) anyone there"],
    [[...open, "--listen", "[::]:5000"], 2, "which other machines can reach"],
    [["serve", "--open", "--ops", "0.0.0.0:5001"], 2, "`ops` is 0.0.0.0:5001, which other machines can reach"],
    [[...open, "--data", "/dev/null/data"], 3, "the directory /dev/null/data cannot be written (ENOTDIR)"],
    [[...open, "--config", "/nowhere.yaml"], 2, "the settings file /nowhere.yaml cannot be read (it does not exist)"],
  ])("%j ends with %i and says why", async (args, code, sentence) => {
    const ended = await berth(args);
    expect([ended.code, ended.output]).toEqual([code, expect.stringContaining(sentence)]);
  });

  test("a lock that cannot be opened, as when it belongs to another user, is not taken for another Berth", async () => {
    const data = join(folder, "foreign");
    await mkdir(join(data, "lock"), { recursive: true });
    const ended = await berth([...open, "--data", data]);
    expect([ended.code, ended.output]).toEqual([
      3,
      expect.stringMatching(
        /^berth: the lock .*foreign.lock cannot be taken \(.*must belong to the user that runs Berth/,
      ),
    ]);
  });

  test("a port that is taken ends with 3 and says what to do", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await new Promise((done) => other.once("listening", done));
    const { port } = other.address() as AddressInfo;
    const ended = await berth([...open, "--listen", `127.0.0.1:${port}`, "--data", "taken"]);
    other.close();
    expect([ended.code, ended.output]).toEqual([
      3,
      `berth: port ${port} of 127.0.0.1 is taken by another program, perhaps by another Berth: stop that one, or set \`listen\` (BERTH_LISTEN) to another port\n`,
    ]);
  });

  test("logs lines of JSON where there is no terminal, and ends with 0 on SIGTERM", async () => {
    const server = await startProcess({ data: join(folder, "json") });
    expect((await fetch(`${server.url}/v2/`)).status).toBe(200);
    expect(await server.stop("SIGTERM")).toBe(0);
    expect(server.lines.find((line) => line["address"] === server.host)).toMatchObject({
      level: "info",
      data: join(folder, "json"),
    });
    expect(server.lines.at(-1)).toMatchObject({ level: "info", message: "stopped" });
  });

  test(
    "goes on where its log cannot be written, as on a full disk, and ends as it is told",
    { timeout: 240_000 },
    async (context) => {
      const port = await findFreePort();
      const args = [mainFile, ...open, "--listen", `127.0.0.1:${port}`, "--data", "speechless"];
      const full = await openFile("/dev/full", "w");
      const child = spawn(process.execPath, args, { cwd: folder, stdio: ["ignore", full.fd, "ignore"] });
      context.onTestFinished(() => void child.kill("SIGKILL"));
      await full.close();
      const ended = new Promise((done) => child.once("exit", (code, signal) => done(code ?? signal)));
      const ask = () => fetch(`http://127.0.0.1:${port}/v2/`).then(({ status }) => status, String);
      await expect.poll(ask, { timeout: 180_000 }).toBe(200);
      // Lines are written within a tenth of a second.
      for (let count = 0; count < 5; count++) {
        await setTimeout(100);
        expect(await ask()).toBe(200);
      }
      child.kill("SIGTERM");
      expect(await ended).toBe(0);
    },
  );

  test("--output yaml logs a document of YAML a line", async () => {
    const args = [mainFile, ...open, "--listen", "127.0.0.1:0", "--data", "yaml", "--output", "yaml"];
    const child = spawn(process.execPath, args, { cwd: folder });
    let output = "";
    for await (const chunk of child.stdout) {
      output += String(chunk);
      if (output.includes("listens on") && child.exitCode === null) child.kill("SIGTERM");
    }
    const documents = parseAllDocuments(output).map((document) => document.toJS() as object);
    expect(documents.at(0)).toMatchObject({ level: "info", data: join(folder, "yaml") });
    expect(documents.at(-1)).toMatchObject({ level: "info", message: "stopped" });
  });

  test("greets on a terminal: where it listens, where the data is, who can reach it, a first push", async () => {
    const command = [
      process.execPath,
      mainFile,
      ...open,
      "--listen",
      "127.0.0.1:0",
      "--data",
      "greeted",
      "--public-url",
      "https://r.example",
    ];
    const child = spawn("script", ["-qec", command.join(" "), "/dev/null"], { cwd: folder });
    let output = "";
    let interrupted = false;
    for await (const chunk of child.stdout) {
      output += String(chunk);
      if (interrupted || !output.includes("Ctrl+C")) continue;
      interrupted = true;
      child.stdin.write("\u0003");
    }
    expect(output).toMatch(/Berth listens on 127\.0\.0\.1:\d+, open to this machine only\./);
    expect(output).toContain(`Data: ${join(folder, "greeted")}`);
    expect(output).toContain("Clients call it https://r.example.");
    expect(output).toMatch(/A first push:\r\n(  .+r\.example.+\r\n){1}(  .+\r\n){2}/);
    expect(output).toMatch(/\d\d:\d\d:\d\d info +stopped/);
  });
});

describe("the first push that the greeting prints", async () => {
  const server = await startTestServer();
  afterAll(() => server.close());
  const peers = resolve(import.meta.dirname, "../.peers");

  for (const program of ["crane", "oras", "curl"] as const) {
    test(`works as printed with ${program}`, async (context) => {
      getPeer(context, program);
      const lines = firstPushes[program]!({ host: server.host, tls: false });
      const script = `set -e; PATH=${peers}:$PATH; ${lines.map((line) => `(${line})`).join("; ")}`;
      const { code, output } = await run("bash", ["-o", "pipefail", "-c", script], { cwd: folder });
      expect(code, output).toBe(0);
      expect(await (await fetch(`${server.url}/v2/hello/tags/list`)).json()).toEqual({ name: "hello", tags: ["1"] });
    });
  }
});
