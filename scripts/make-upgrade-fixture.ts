// Makes tests/fixtures/upgrade/<name>: what an earlier version leaves, for the test that opens it with this one.
//
//   git worktree add /tmp/earlier bbd0145 && (cd /tmp/earlier && npm ci)
//   node scripts/make-upgrade-fixture.ts /tmp/earlier core
//
// It starts that version's own `serve`, once on SQLite and once on PostgreSQL, pushes a few images, an index, an artifact
// with a subject and a part of an upload, and stops it in order. PostgreSQL's rows are dumped as plain SQL.
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { startPostgres } from "../tests/support/postgres.ts";
import { run } from "../tests/support/run.ts";
import { startProcess } from "../tests/support/start-process.ts";

const [earlier, name] = process.argv.slice(2);
if (earlier === undefined || name === undefined) throw new Error("which version, and a name for it?");
const target = resolve(import.meta.dirname, "../tests/fixtures/upgrade", name);
const work = mkdtempSync(join(tmpdir(), "berth-fixture-"));

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

const oci = (kind: string) => `application/vnd.oci.${kind}`;
const digestOf = (bytes: Uint8Array | string) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

/** Pushes everything to a server; resolves with what must be there ever after. */
async function push(url: string): Promise<object> {
  const blobs: { repository: string; digest: string; size: number }[] = [];
  const manifests: { repository: string; reference: string; digest: string; mediaType: string }[] = [];
  const call = async (method: string, path: string, body?: Uint8Array | string, type?: string) => {
    const headers: Record<string, string> = type === undefined ? {} : { "content-type": type };
    const response = await fetch(new URL(path, url), { method, headers, ...(body === undefined ? {} : { body }) });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response;
  };
  const blob = async (repository: string, bytes: Uint8Array | string, mediaType: string): Promise<Descriptor> => {
    const digest = digestOf(bytes);
    await call("POST", `/v2/${repository}/blobs/uploads/?digest=${digest}`, bytes);
    const size = Buffer.byteLength(bytes);
    blobs.push({ repository, digest, size });
    return { mediaType, digest, size };
  };
  const manifest = async (repository: string, tag: string | undefined, document: object): Promise<Descriptor> => {
    const { mediaType } = document as Descriptor;
    const text = JSON.stringify(document);
    const digest = digestOf(text);
    await call("PUT", `/v2/${repository}/manifests/${tag ?? digest}`, text, mediaType);
    for (const reference of tag === undefined ? [digest] : [digest, tag]) {
      manifests.push({ repository, reference, digest, mediaType });
    }
    return { mediaType, digest, size: Buffer.byteLength(text) };
  };
  const image = async (repository: string, tag: string | undefined, architecture: string, more: object = {}) => {
    const labels = { "org.opencontainers.image.title": architecture };
    const text = JSON.stringify({
      os: "linux",
      architecture,
      config: { Labels: labels },
      created: "2026-11-01T00:00:00Z",
    });
    const config = await blob(repository, text, oci("image.config.v1+json"));
    const layers = [
      await blob(repository, `a small layer for ${architecture}`, oci("image.layer.v1.tar")),
      // Above what lives in a row.
      await blob(repository, `a larger layer for ${architecture} `.repeat(800), oci("image.layer.v1.tar")),
    ];
    return manifest(repository, tag, {
      schemaVersion: 2,
      mediaType: oci("image.manifest.v1+json"),
      config,
      layers,
      ...more,
    });
  };
  const app = await image("team/app", "v1", "amd64");
  const arm = await image("team/app", undefined, "arm64");
  const index = { schemaVersion: 2, mediaType: oci("image.index.v1+json"), manifests: [app, arm] };
  await manifest("team/app", "latest", index);
  const empty = await blob("team/app", "{}", oci("empty.v1+json"));
  const note = { artifactType: "application/vnd.example.note", config: empty, layers: [empty], subject: app };
  const referrer = await manifest("team/app", undefined, {
    schemaVersion: 2,
    mediaType: oci("image.manifest.v1+json"),
    ...note,
  });
  const shared = blobs[1]!.digest;
  await call("POST", `/v2/library/base/blobs/uploads/?mount=${shared}&from=team/app`);
  blobs.push({ ...blobs[1]!, repository: "library/base" });
  await image("library/base", "v1.0.0", "riscv64");
  await image("library/base", "v1.0.0", "s390x");
  await call("DELETE", "/v2/team/app/manifests/latest");
  await manifest("team/app", "stable", index);
  const opened = await call("POST", "/v2/team/app/blobs/uploads/");
  const upload = new URL(opened.headers.get("location")!, url);
  await call("PATCH", upload.pathname, "half of a blob ".repeat(2000), "application/octet-stream");
  const kept = manifests.filter(({ reference }) => reference !== "latest");
  return {
    manifests: kept.filter((one, at) => kept.findLastIndex((other) => isSame(one, other)) === at),
    blobs,
    tags: { "team/app": ["stable", "v1"], "library/base": ["v1.0.0"] },
    referrers: { repository: "team/app", subject: app.digest, digests: [referrer.digest] },
    upload: upload.pathname,
  };
}

/** A tag that was moved is the last one that was pushed. */
function isSame(
  one: { repository: string; reference: string },
  other: { repository: string; reference: string },
): boolean {
  return one.repository === other.repository && one.reference === other.reference;
}

const postgres = await startPostgres();
if (postgres === undefined) throw new Error("PostgreSQL is not installed: run scripts/install-peers postgresql");
const command = [process.execPath, join(resolve(earlier), "src/main.ts")] as const;
rmSync(target, { recursive: true, force: true });
for (const kind of ["sqlite", "postgres"] as const) {
  const data = join(work, kind);
  const folder = join(target, kind);
  const env: Record<string, string> = kind === "postgres" ? { BERTH_DATABASE: postgres.url } : {};
  const server = await startProcess({ data, command: [...command], env });
  const expected = await push(server.url);
  await server.stop();
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "expected.json"), `${JSON.stringify(expected, null, 2)}\n`);
  cpSync(join(data, "blobs"), join(folder, "blobs"), { recursive: true });
  if (kind === "sqlite") {
    const saved = await run("sqlite3", [join(data, "berth.db"), `.backup '${join(folder, "berth.db")}'`], {
      cwd: work,
    });
    if (saved.code !== 0) cpSync(join(data, "berth.db"), join(folder, "berth.db"));
    continue;
  }
  const dumped = await run("pg_dump", ["--inserts", "--no-owner", "--no-privileges", postgres.url], { cwd: work });
  if (dumped.code !== 0) throw new Error(dumped.output);
  // What only psql understands, and what changes from run to run.
  const lines = dumped.output.split("\n").filter((line) => line !== "" && !/^(?:--|\\)/.test(line));
  writeFileSync(join(folder, "rows.sql"), `${lines.join("\n")}\n`);
}
await postgres.stop();
rmSync(work, { recursive: true });
