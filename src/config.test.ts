import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { parseConfig, readConfig } from "./config.ts";

const folder = await mkdtemp(join(tmpdir(), "berth-config-"));
afterAll(() => rm(folder, { recursive: true, force: true }));

async function fileOf(text: string): Promise<string> {
  const path = join(folder, "berth.yaml");
  await writeFile(path, text);
  return path;
}
const problemsOf = async (flags: Record<string, string>, environment: Record<string, string> = {}) =>
  readConfig(flags, environment).then(
    () => "",
    (error: Error) => error.message,
  );

describe("sources", () => {
  test("the defaults stand when nothing is said", async () => {
    const { config } = await readConfig({}, {});
    expect(config).toMatchObject({
      listen: { host: "127.0.0.1", port: 5000 },
      ops: { host: "127.0.0.1", port: 5001 },
      data: resolve("data"),
      database: { kind: "sqlite", path: resolve("data/berth.db") },
      storage: { kind: "filesystem", directory: resolve("data/blobs") },
      open: false,
      collection: { pin: 24 * 3_600_000, untagged: "keep" },
      uploads: { bufferBytes: 256 * 1024 ** 2 },
    });
  });

  test("a file wins over defaults, the environment over the file, a flag over the environment", async () => {
    const config = await fileOf("log:\n  level: error\ncollection: { pin: 2h, interval: 5m }\nlisten: localhost:1\n");
    const environment = { BERTH_COLLECTION_PIN: "3h", BERTH_LISTEN: "localhost:2", BERTH_CONFIG: "/nowhere" };
    const found = await readConfig({ config, listen: "localhost:3" }, environment);
    expect(found.config.log.level).toBe("error");
    expect(found.config.collection).toMatchObject({ interval: 300_000, pin: 10_800_000 });
    expect(found.config.listen.port).toBe(3);
    const origins = Object.fromEntries(found.values.map(({ entry, origin }) => [entry.name, origin]));
    expect(origins).toMatchObject({
      drain: { source: "default", place: "" },
      "collection.interval": { source: "file", place: `${config}, line 3` },
      "collection.pin": { source: "environment", place: "BERTH_COLLECTION_PIN" },
      listen: { source: "flag", place: "--listen" },
    });
  });

  test("BERTH_CONFIG names the file when --config does not; an empty variable counts as not set", async () => {
    const path = await fileOf("data: /srv/berth\n");
    const { config } = await readConfig({}, { BERTH_CONFIG: path, BERTH_DATA: "" });
    expect(config.data).toBe("/srv/berth");
  });

  test("the secret of a provider to log in with comes from the file, the environment, or a file that either names", async () => {
    const secretOf = async (own: string, environment: Record<string, string> = {}) => {
      const config = await fileOf(
        `sso:\n  - { name: okta-eu, issuer: "https://okta.example", clientId: berth${own} }\n`,
      );
      const found = await readConfig({ config }, environment).then(
        ({ config: { sso } }) => sso[0]!.clientSecret,
        (error: Error) => error.message,
      );
      return found;
    };
    const file = join(folder, "secret");
    await writeFile(file, "from a file\n");
    const variable = "BERTH_SSO_OKTA_EU_CLIENT_SECRET";
    expect(await secretOf("")).toBeUndefined();
    expect(await secretOf(", clientSecret: own")).toBe("own");
    expect(await secretOf(`, clientSecretFile: ${file}`)).toBe("from a file");
    expect(await secretOf(", clientSecret: own", { [variable]: "of the environment" })).toBe("of the environment");
    expect(await secretOf(", clientSecret: own", { [`${variable}_FILE`]: file })).toBe("from a file");
    expect(await secretOf(`, clientSecret: own, clientSecretFile: ${file}`)).toMatch(/given twice/);
    expect(await secretOf("", { [variable]: "x", [`${variable}_FILE`]: file })).toMatch(/given twice, by BERTH_SSO/);
    expect(await secretOf("", { [`${variable}_FILE`]: "/nowhere" })).toMatch(/cannot be read \(ENOENT\)/);
    expect(await secretOf("", { BERTH_SSO_OKTO_CLIENT_SECRET: "x" })).toMatch(/the secret of no provider .* okta-eu$/);
  });

  test("a provider is told what the settings say, but for what a login says itself", async () => {
    const read = async (parameters: string) => {
      const config = await fileOf(
        `sso:\n  - { name: okta, issuer: "https://okta.example", clientId: berth, parameters: ${parameters} }\n`,
      );
      return readConfig({ config }, {}).then(
        (found) => found.config.sso[0]!.parameters,
        (error: Error) => error.message,
      );
    };
    expect(await read("{ prompt: consent, access_type: offline }")).toEqual({
      prompt: "consent",
      access_type: "offline",
    });
    for (const own of ["redirect_uri", "state", "scope", "nonce", "code_challenge", "request", "client_id"]) {
      expect(await read(`{ ${own}: x }`), own).toContain(
        `\`sso\` okta: parameters names ${own}, which a login sets itself`,
      );
    }
  });

  test("text of the environment becomes the setting's kind", async () => {
    const { config } = await readConfig(
      {},
      {
        BERTH_OPEN: "1",
        BERTH_LIMITS_CONNECTIONS: "7",
        BERTH_TRUSTED_PROXIES: "10.0.0.0/8, ::1/128",
        BERTH_OPS: "off",
      },
    );
    expect(config).toMatchObject({ open: true, limits: { connections: 7 }, trustedProxies: ["10.0.0.0/8", "::1/128"] });
    expect(config.ops).toBeUndefined();
  });

  test("a secret is read from the file that …_FILE names, unless a stronger source gives it", async () => {
    const key = join(folder, "key");
    await writeFile(key, "from-file\n");
    const id = { BERTH_STORAGE_CREDENTIALS_ACCESS_KEY_ID: "me" };
    const file = { ...id, BERTH_STORAGE_CREDENTIALS_SECRET_ACCESS_KEY_FILE: key };
    const { config } = await readConfig({}, file);
    expect(config.storageCredentials.secretAccessKey).toBe("from-file");
    const path = await fileOf(`storageCredentials:\n  secretAccessKeyFile: ${key}\n`);
    const given = { ...id, BERTH_STORAGE_CREDENTIALS_SECRET_ACCESS_KEY: "from-variable" };
    const other = await readConfig({ config: path }, given);
    expect(other.config.storageCredentials.secretAccessKey).toBe("from-variable");
    expect(await problemsOf({}, { ...file, ...given })).toContain("is given twice");
    expect(await problemsOf({}, { ...id, BERTH_DATABASE_FILE: join(folder, "none") })).toContain(
      "cannot be read (ENOENT)",
    );
  });
});

describe("refusals", () => {
  test("an unknown key is an error with file, line and the nearest known key", async () => {
    const config = await fileOf("listen: localhost:1\ncolection:\n  pin: 1h\ncollection:\n  pinn: 1h\npin: 1h\n");
    expect((await problemsOf({ config })).split("\n")).toEqual([
      `${config}, line 2: \`colection\` is not a setting; the nearest is \`collection\``,
      `${config}, line 5: \`collection.pinn\` is not a setting; the nearest is \`collection.pin\``,
      `${config}, line 6: \`pin\` is not a setting; the nearest is \`collection.pin\``,
    ]);
  });

  test("a wrong value is an error with its place, its value and what it must be", async () => {
    const config = await fileOf("collection:\n  pin: 5 parsecs\n");
    expect((await problemsOf({ config }, { BERTH_LISTEN: "5000" })).split("\n")).toEqual([
      'BERTH_LISTEN: `listen` is "5000"; it must be host:port, such as 127.0.0.1:5000 or [::1]:5000',
      `${config}, line 2: \`collection.pin\` is "5 parsecs"; it must be a duration such as 90s, 15m, 24h or 7d`,
    ]);
    for (const size of ["12XB", "-1"]) {
      expect(await problemsOf({}, { BERTH_UPLOADS_FREE_SPACE: size })).toBe(
        `BERTH_UPLOADS_FREE_SPACE: \`uploads.freeSpace\` is "${size}"; it must be a size such as 16KiB, 256MiB or 1GiB`,
      );
    }
  });

  test("undo.spaceFloor is a size, a part of the disk, or 0", async () => {
    const floorOf = (spaceFloor: string | number) => parseConfig({ undo: { spaceFloor } }).undo.spaceFloor;
    expect(parseConfig({}).undo.spaceFloor).toEqual({ share: 0.05 });
    expect(["2.5%", "50GiB", 0, "0"].map(floorOf)).toEqual([
      { share: 0.025 },
      { bytes: 50 * 1024 ** 3 },
      { bytes: 0 },
      { bytes: 0 },
    ]);
    for (const given of ["100%", "-5%", "half", "5 %"]) {
      expect(await problemsOf({}, { BERTH_UNDO_SPACE_FLOOR: given })).toBe(
        `BERTH_UNDO_SPACE_FLOOR: \`undo.spaceFloor\` is "${given}"; it must be a size such as 50GiB, a part such as 5% that is less than 100%, or 0`,
      );
    }
  });

  test("what is not YAML, a list where settings belong, and an absent file are errors that say where", async () => {
    expect(await problemsOf({ config: await fileOf("a: b: c\n") })).toMatch(/berth.yaml, line 1: this is not YAML: /);
    expect(await problemsOf({ config: await fileOf("- a\n") })).toContain("line 1: the file holds no settings");
    expect(await problemsOf({ config: await fileOf("log:\n  loud\n") })).toContain("line 2: `log` holds no settings");
    expect(await problemsOf({ config: "/nowhere.yaml" })).toContain("/nowhere.yaml cannot be read (it does not exist)");
  });

  test("a variable one slip away from a setting is an error, any other is a warning", async () => {
    expect(await problemsOf({}, { BERTH_LISTNE: "a" })).toBe(
      "BERTH_LISTNE is not a setting: did you mean BERTH_LISTEN?",
    );
    const { warnings } = await readConfig({}, { BERTH_SERVICE_HOST: "10.1.1.1", BERTH_PORT: "tcp://10.1.1.1:5000" });
    expect(warnings).toHaveLength(2);
  });

  test("a wrong secret is not repeated", async () => {
    const message = await problemsOf({}, { BERTH_DATABASE: "postgres://ann:hunter2@:bad" });
    expect(message).toContain("BERTH_DATABASE: `database` cannot be used; it must be");
    expect(message).not.toContain("hunter2");
    const other = await problemsOf({}, { BERTH_STORAGE: "s3://key:hunter2@bucket" });
    expect(other).toContain("BERTH_STORAGE: `storage` cannot be used; it must be");
    expect(other).not.toContain("hunter2");
  });

  test("only --open takes a grace of orphans that a slow push may outlast", () => {
    const collection = { orphanGrace: "59m" };
    expect(() => parseConfig({ collection })).toThrow(/`collection.orphanGrace` must be 1h at least/);
    expect(parseConfig({ collection, open: true }).collection.orphanGrace).toBe(59 * 60_000);
    expect(parseConfig({ collection: { orphanGrace: "1h" } }).collection.orphanGrace).toBe(3_600_000);
  });

  test.each([
    [{ tls: { certificate: "a.pem" } }, "belong together"],
    [{ storageCredentials: { accessKeyId: "a" } }, "belong together"],
    [{ access: { freshness: "2h" } }, "`access.outage` must be as long as `access.freshness`"],
    [{ redirect: true }, "`redirect` needs a `storage`"],
  ])("%j is refused", (settings, reason) => expect(() => parseConfig(settings)).toThrow(reason));

  test.each([
    { storage: "gs://bucket" },
    { storage: "s3://key:secret@bucket" },
    { storage: "s3://bucket?regoin=x" },
    { storage: "s3://bucket?pathStyle=yes" },
    { storage: "s3://bucket?endpoint=ftp://host" },
    { database: "mysql://host/db" },
    { publicUrl: "registry.example.com" },
    { publicUrl: "https://registry.example.com/path" },
    { trustedProxies: ["10.0.0.0/33"] },
    { trustedProxies: ["everyone"] },
    { limits: { connections: 0 } },
    { limits: { headerBytes: "2MiB" } },
    { open: "yes" },
  ])("%j is refused", (settings) => expect(() => parseConfig(settings as object)).toThrow());
});

describe("places", () => {
  test("storage is a directory or an S3 location with its options", () => {
    expect(parseConfig({ storage: "blobs" }).storage).toEqual({ kind: "filesystem", directory: resolve("blobs") });
    const storage = "s3://bucket/a/b/?endpoint=http://127.0.0.1:9000&region=eu-1&pathStyle=true";
    expect(parseConfig({ storage, redirect: true }).storage).toEqual({
      kind: "s3",
      bucket: "bucket",
      prefix: "a/b",
      endpoint: "http://127.0.0.1:9000",
      region: "eu-1",
      pathStyle: true,
    });
    expect(parseConfig({ storage: "s3://bucket" }).storage).toMatchObject({ prefix: "", endpoint: undefined });
  });

  test("a database is an SQLite file or a PostgreSQL URL", () => {
    expect(parseConfig({ database: "rows.db" }).database).toEqual({ kind: "sqlite", path: resolve("rows.db") });
    const url = "postgres://berth:x@db:5432/berth";
    expect(parseConfig({ database: url }).database).toEqual({ kind: "postgres", url });
    expect(parseConfig({ data: "/d" }).database).toEqual({ kind: "sqlite", path: "/d/berth.db" });
  });
});
