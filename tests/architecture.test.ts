import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { expect, test } from "vitest";
import { cruiseArrows } from "../architecture/cruise.ts";
import { layers, pure } from "../architecture/layers.ts";
import { listStatements } from "../src/metadata/index.ts";

const project = resolve(import.meta.dirname, "..");
const isTest = (file: string) => file.endsWith(".test.ts") || file.includes("/testing/");
const sources = globSync("src/**/*.ts", { cwd: project }).toSorted();
const production = sources.filter((file) => !isTest(file));
const textOf = (file: string) => readFileSync(join(project, file), "utf8");

/** What a file imports from another folder's door, by name; types are left out. */
function importsFrom(file: string, door: string): string[] {
  const found = [...textOf(file).matchAll(/^import \{([^}]*)\} from "([^"]+)";/gm)];
  return found
    .filter(([, , from]) => from!.startsWith(".") && join(dirname(file), from!) === door)
    .flatMap(([, names]) => names!.split(",").map((name) => name.trim().replace(/ as .*/, "")))
    .filter((name) => name !== "" && !name.startsWith("type "));
}

test("imports point downwards only, and go through doors", async () => {
  const { modules, violations } = await cruiseArrows(project);
  // A parser that cannot read TypeScript finds nothing at all.
  expect(modules).toBeGreaterThanOrEqual(sources.length);
  expect(violations).toEqual([]);
});

test("a planted violation of each kind is caught", { timeout: 240_000 }, async () => {
  const copy = mkdtempSync(join(tmpdir(), "berth-planted-"));
  try {
    for (const part of ["src", "package.json"]) cpSync(join(project, part), join(copy, part), { recursive: true });
    symlinkSync(join(project, "node_modules"), join(copy, "node_modules"));
    const planted: readonly (readonly [rule: string, file: string, text: string])[] = [
      ["upward", "src/storage/upward.ts", 'import { pullManifest } from "../registry/index.ts";\npullManifest;\n'],
      [
        "upward",
        "src/oci/upward.ts",
        'import type { Registry } from "../registry/index.ts";\nexport type R = Registry;\n',
      ],
      ["upward", "src/registry/upward.ts", 'export const late = () => import("../server.ts");\n'],
      ["sibling", "src/metadata/sibling.ts", 'import { BlobStore } from "../storage/index.ts";\nBlobStore;\n'],
      ["sibling", "src/storage/sibling.ts", 'import { MetadataError } from "../metadata/index.ts";\nMetadataError;\n'],
      ["dialect-of-dialect", "src/api/ecr/stranger.ts", 'import "../distribution/index.ts";\n'],
      ["past-the-door", "src/registry/door.ts", 'import { BlobStore } from "../storage/blob-store.ts";\nBlobStore;\n'],
      [
        "past-the-door",
        "src/api/distribution/door.ts",
        'import { listTags } from "../../registry/list-content.ts";\nlistTags;\n',
      ],
      ["past-the-door", "src/server.ts", 'import { parseTag } from "./oci/name.ts";\nparseTag;\n'],
      [
        "past-the-door",
        "src/registry/door.test.ts",
        'import { BlobStore } from "../storage/blob-store.ts";\nBlobStore;\n',
      ],
      ["impure", "src/oci/file.ts", 'import { readFileSync } from "node:fs";\nreadFileSync;\n'],
      ["impure", "src/oci/crypto.ts", 'import { createHash } from "node:crypto";\ncreateHash;\n'],
      ["impure", "src/policy/package.ts", 'import { z } from "zod";\nz;\n'],
      ["impure", "src/policy/lib.ts", 'import "../lib/index.ts";\n'],
      ["unlisted-folder", "src/stuff/thing.ts", 'import { parseTag } from "../oci/index.ts";\nparseTag;\n'],
      ["test-code-in-production", "src/storage/double.ts", 'import "./testing/kit.ts";\n'],
      ["undeclared-package", "src/registry/tool.ts", 'import fc from "fast-check";\nfc;\n'],
      ["cycle", "src/storage/left.ts", 'import "./right.ts";\n'],
    ];
    for (const file of ["src/api/distribution/index.ts", "src/lib/index.ts", "src/storage/testing/kit.ts"]) {
      mkdirSync(dirname(join(copy, file)), { recursive: true });
      if (!existsSync(join(copy, file))) writeFileSync(join(copy, file), "export const kit = 1;\n");
    }
    writeFileSync(join(copy, "src/storage/right.ts"), 'import "./left.ts";\n');
    for (const [, file, text] of planted) {
      mkdirSync(dirname(join(copy, file)), { recursive: true });
      writeFileSync(join(copy, file), text);
    }
    const { violations } = await cruiseArrows(copy);
    const caught = new Set(violations.map(({ rule, from }) => `${rule} ${from}`));
    for (const [rule, file] of planted) expect(caught).toContain(`${rule} ${file}`);
  } finally {
    rmSync(copy, { recursive: true });
  }
});

test("every folder has its place in the list of layers and a door", () => {
  const listed = new Set(layers.flat());
  for (const file of production) {
    const [, first = "", second] = file.split("/");
    const top = second === undefined && first !== "config.ts";
    const folder = top ? "*.ts" : first === "api" ? (second === "http" ? "api/http" : "api/*") : first;
    expect(listed, file).toContain(folder);
  }
  const folders = new Set(production.map((file) => /^src\/(?:api\/)?[^/]+\//.exec(file)?.[0]));
  for (const folder of folders) {
    if (folder !== undefined) expect(sources, `${folder} has no door`).toContain(`${folder}index.ts`);
  }
});

test("ARCHITECTURE.md shows the layers in their order, and names each folder that has code", () => {
  const page = textOf("ARCHITECTURE.md");
  const shown = page.split("```")[1]!.trim().split("\n");
  expect(shown).toHaveLength(layers.length);
  for (const [depth, line] of layers.entries()) {
    // Words, then two spaces or more, then what they are.
    expect(
      shown[depth]!.split(/ {3,}| {2}\(/)[0]!
        .trim()
        .split(/ +/),
    ).toEqual(line);
  }
  for (const file of production) {
    const [folder] = /^src\/(?:(?:api\/)?[^/]+\/|config\.ts)/.exec(file) ?? ["src/*.ts"];
    expect(page, folder).toContain(`\`${folder.replace(/\/$/, "")}\``);
  }
});

test("docs/status.md names tests that are there", () => {
  for (const [, pattern] of textOf("docs/status.md").matchAll(/`((?:src|tests)\/[^`]+\.test\.ts)`/g)) {
    expect(globSync(pattern!, { cwd: project }).length, pattern).toBeGreaterThan(0);
  }
});

test("oci and policy ask neither the clock nor chance nor the process", () => {
  const impure =
    /\b(?:process|console|performance|globalThis|crypto)\.|\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|\b(?:set(?:Timeout|Interval|Immediate)|queueMicrotask|fetch)\(/;
  for (const file of production.filter((name) => pure.some((folder) => name.startsWith(`src/${folder}/`)))) {
    expect(impure.exec(textOf(file))?.[0], file).toBeUndefined();
  }
});

test("drivers are picked and wired at the top only", () => {
  const picked = new Set(["filesystemDriver", "memoryDriver", "s3Driver", "openSqlite", "openPostgres", "serveWrites"]);
  for (const file of production.filter((name) => name.split("/").length > 2)) {
    const names = ["src/storage/index.ts", "src/metadata/index.ts"].flatMap((door) => importsFrom(file, door));
    for (const name of names) expect(picked, `${file} picks a driver`).not.toContain(name);
  }
});

test("settings of the process are read at the top only", () => {
  for (const file of production.filter((name) => name.split("/").length > 2 && !name.startsWith("src/cli/"))) {
    expect(/\bprocess\.(?:env|argv)\b/.exec(textOf(file))?.[0], file).toBeUndefined();
  }
});

/** Who may insert, update and delete rows of a table; everyone may append to `audit` and `event`. */
const owners: { readonly [table: string]: string } = {
  access_grant: "access",
  access_key: "access",
  account: "access",
  audit: "access",
  audit_seal: "access",
  event: "jobs",
  blob: "registry",
  blob_content: "registry",
  ecr_repository: "registry",
  ecr_setting: "registry",
  ecr_template: "registry",
  repository_policy: "access",
  registry_policy: "access",
  collection_pass: "registry",
  dead_object: "registry",
  installation: "registry or access or jobs",
  membership: "access",
  account_group: "access",
  namespace: "access",
  robot: "access",
  robot_secret: "access",
  refresh_token: "access",
  device_login: "access",
  provider_login: "access",
  request_key: "access",
  signing_key: "access",
  token: "access",
  token_repository: "access",
  trust_rule: "access",
  job: "jobs",
  lifecycle_image: "registry",
  lifecycle_preview: "registry",
  lifecycle_preview_page: "registry",
  lifecycle_run: "registry",
  schedule: "jobs",
  webhook: "jobs",
  delivery: "jobs",
  manifest: "registry",
  manifest_blob: "registry",
  manifest_child: "registry",
  manifest_content: "registry",
  node: "registry",
  orphan: "registry",
  quota: "registry",
  quota_blob: "registry",
  quota_delta: "registry",
  referrer: "registry",
  // Its visibility follows its namespace in the write that changes that.
  repository: "registry or access",
  repository_blob: "registry",
  review: "registry",
  setting: "registry",
  template: "registry",
  hold: "registry",
  usage_report: "registry",
  usage_digest: "registry",
  tag: "registry",
  undo: "registry",
  undo_blob: "registry",
  undo_child: "registry",
  // What is granted is kept and given again by the write that ends and begins rights.
  undo_grant: "access",
  undo_manifest: "registry",
  upload: "registry",
};

test("rows are changed only in the writes of the folder that owns their table", () => {
  const tablesOf = new Map(
    listStatements().map(({ name, compile }) => [
      name,
      [...compile("postgres").sql.matchAll(/(?<!for |key |do )\b(?:insert into|update|delete from) "?(\w+)"?/g)].map(
        ([, table]) => table!,
      ),
    ]),
  );
  const textOfStatement = (wanted: string) =>
    listStatements()
      .find(({ name }) => name === wanted)!
      .compile("postgres").sql;
  const writers = new Set<string>();
  for (const file of production.filter((name) => !name.startsWith("src/metadata/"))) {
    for (const name of importsFrom(file, "src/metadata/index.ts")) {
      for (const table of tablesOf.get(name) ?? []) {
        const owner = owners[table];
        expect(owner, `${table} has no owner: name one here`).toBeDefined();
        const appends = (table === "audit" || table === "event") && /^insert /.test(textOfStatement(name));
        const folders = appends ? "\\w+" : owner!.replaceAll(" or ", "|");
        const allowed = new RegExp(`^src/(?:${folders})/writes/`);
        expect(file, `${name} changes ${table}, which belongs to ${owner}`).toMatch(allowed);
        writers.add(name);
      }
    }
  }
  // The scan sees something.
  expect(writers.size).toBeGreaterThan(15);
});

test("names say what things are", () => {
  const vague = /^(?:Manager|Helper|Util|Utils|Common|Base|Impl|Service|Controller|Data|Info)$/i;
  for (const file of sources) {
    expect(basename(file), file).toMatch(/^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.drivers|\.model|\.faults)?(?:\.test)?\.ts$/);
    for (const folder of dirname(file).split("/")) expect(folder, file).toMatch(/^[a-z0-9]+(?:-[a-z0-9]+)*$/);
    const exported = [...textOf(file).matchAll(/^export (?:async )?(?:function|const|class|interface|type) (\w+)/gm)];
    for (const name of [basename(file, ".ts"), ...exported.map(([, found]) => found!)]) {
      const words = name.split(/(?=[A-Z])|[-_.]/);
      expect(
        words.find((word) => vague.test(word)),
        `${file}: ${name}`,
      ).toBeUndefined();
    }
  }
});

test("a file exports names one by one, and no default", () => {
  for (const file of sources) expect(/^export (?:default|\*)/m.exec(textOf(file))?.[0], file).toBeUndefined();
});
