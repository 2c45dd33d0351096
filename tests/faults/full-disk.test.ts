import { mkdir, mkdtemp, open, readdir, rm, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { run } from "../support/run.ts";
import { digestOf } from "../support/wire-client.ts";
import { ask } from "./ask.ts";
import type { Answer } from "./ask.ts";
import { startBerth } from "./berth-process.ts";
import type { BerthProcess } from "./berth-process.ts";
import { checkStore } from "./check-store.ts";
import { Client, freshBytes, manifestOf } from "./client.ts";
import { Ledger } from "./ledger.ts";
import { fsckOnce } from "./open-registry.ts";
import { report } from "./report.ts";

const MiB = 1024 * 1024;

/** 507 with a time to come back and a sentence, and nothing else. */
function expectFull(answer: Answer, what: string): void {
  expect([what, answer.status]).toEqual([what, 507]);
  expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
  const [error] = (JSON.parse(answer.body.toString()) as { errors: { code: string; message: string }[] }).errors;
  expect(error?.code).toBe("DENIED");
  expect(error?.message).toMatch(/full|free/);
}

/** Bytes written to a file until the disk takes no more. */
async function fill(path: string): Promise<void> {
  const file = await open(path, "a");
  try {
    for (let size = MiB; size >= 1; size = Math.floor(size / 4)) {
      for (;;) {
        const written = await file.write(Buffer.alloc(size)).then(
          (done) => done.bytesWritten === size,
          (error: NodeJS.ErrnoException) => {
            expect(error.code).toBe("ENOSPC");
            return false;
          },
        );
        if (!written) break;
      }
    }
  } finally {
    await file.close();
  }
}

test("a full disk: 507 for pushes; reads, deletes and collection go on; uploads resume when there is space", async (context) => {
  if (process.getuid?.() !== 0) context.skip("only root may mount a file system of its own");
  const folder = await mkdtemp(join(tmpdir(), "berth-full-"));
  const mount = join(folder, "disk");
  await mkdir(mount);
  expect(await run("mount", ["-t", "tmpfs", "-o", "size=128m", "tmpfs", mount], { cwd: "/" })).toMatchObject({
    code: 0,
  });
  let server: BerthProcess | undefined;
  context.onTestFinished(async () => {
    await server?.kill();
    await run("umount", ["-l", mount], { cwd: "/" });
    await rm(folder, { recursive: true, force: true });
  });
  const data = join(mount, "data");
  const collection = {
    BERTH_COLLECTION_ENABLED: "true",
    BERTH_COLLECTION_INTERVAL: "100ms",
    BERTH_COLLECTION_PIN: "5s",
    BERTH_COLLECTION_LOOK_GAP: "0s",
    BERTH_COLLECTION_OBJECT_GRACE: "0s",
    BERTH_UNDO_WINDOW: "0s",
  };
  server = await startBerth(data, { ...collection, BERTH_UPLOADS_FREE_SPACE: "24MiB" });
  const { base } = server;
  const ledger = new Ledger();
  const client = new Client(base, ledger);
  const layers = [freshBytes(3 * MiB), freshBytes(40_000), freshBytes(100)];
  const keep = [Buffer.from("{}"), ...layers];
  expect((await client.pushImage("full/kept", "latest", keep)).at(-1)).toBe(201);
  const doomed = [Buffer.from('{"doomed":true}'), freshBytes(6 * MiB)];
  expect((await client.pushImage("full/doomed", "latest", doomed)).at(-1)).toBe(201);
  const begun = await ask(`${base}/v2/full/resumed/blobs/uploads/`, "POST");
  const resumed = freshBytes(3 * MiB);
  const location = base + begun.headers.get("location")!;
  const chunk = (from: number, to: number) =>
    ask(location, "PATCH", resumed.subarray(from, to), { "content-range": `${from}-${to - 1}` });
  expect((await chunk(0, MiB)).status).toBe(202);

  // Up to the space that is kept back, by pushes; then somebody else takes the rest, to the last byte.
  for (let pushed = 0; ; pushed++) {
    const blob = freshBytes(2 * MiB);
    const answer = await client.pushBlob("full/heap", blob);
    if (answer.status !== 201) {
      expectFull(answer, "a push when little is left");
      break;
    }
    expect((await client.pushManifest("full/heap", manifestOf([blob]), `tag-${pushed}`)).status).toBe(201);
  }
  // What was given back a moment ago can be taken once that is on the disk.
  for (let time = 0; time < 50 && (await statfs(mount)).bavail > 0; time++) {
    await run("sync", ["-f", mount], { cwd: "/" });
    await fill(join(mount, "filler"));
  }
  expect((await statfs(mount)).bavail).toBe(0);

  for (let again = 0; again < 3; again++) {
    expectFull(await client.pushBlob("full/heap", freshBytes(2 * MiB)), "a large blob");
    expectFull(await client.pushBlob("full/heap", freshBytes(50_000)), "a blob of an object");
    expectFull(await client.pushBlob("full/heap", freshBytes(10)), "a blob of a row");
    expectFull(await chunk(MiB, 2 * MiB), "a chunk");
    expect((await ask(location, "GET")).headers.get("range")).toBe(`0-${MiB - 1}`);
    expect(await ledger.prove(base, "all")).toEqual([]);
  }
  // A manifest needs a few rows; whether they fit or not, it is told the truth.
  expect([201, 507]).toContain((await client.pushManifest("full/kept", manifestOf(keep.slice(0, 2)), "tiny")).status);

  const objects = async () =>
    (await readdir(join(data, "blobs/o"), { recursive: true })).filter((name) => name.length > 10);
  const before = (await objects()).length;
  expect((await client.deleteManifest("full/doomed", digestOf(manifestOf(doomed)), ["latest"])).status).toBe(202);
  // Collection may have been quicker with the blobs.
  for (const blob of doomed)
    expect([202, 404]).toContain((await client.deleteBlob("full/doomed", digestOf(blob))).status);
  const deletedAt = performance.now();
  while ((await objects()).length === before) {
    expect(performance.now() - deletedAt).toBeLessThan(30_000);
    await new Promise((done) => setTimeout(done, 100));
  }
  expect(await ledger.prove(base, "all")).toEqual([]);

  // The collected object made room; the filler goes, too.
  await rm(join(mount, "filler"));
  const freedAt = performance.now();
  let asked = freedAt;
  while ((await chunk(MiB, 2 * MiB)).status !== 202) {
    expect(asked - freedAt, "who asks then is not refused any more").toBeLessThan(5_000);
    await new Promise((done) => setTimeout(done, 100));
    asked = performance.now();
  }
  const after = performance.now() - freedAt;
  expect((await chunk(2 * MiB, 3 * MiB)).status).toBe(202);
  expect((await ask(`${location}?digest=${digestOf(resumed)}`, "PUT")).status).toBe(201);
  expect((await client.pushImage("full/again", "latest", keep)).at(-1)).toBe(201);
  expect(await ledger.prove(base, "all")).toEqual([]);
  await server.stop();
  expect([...checkStore(data), ...(await fsckOnce({ data }))]).toEqual([]);
  report("a full disk of 128 MiB", `an upload went on ${after.toFixed(0)} ms after space came back`);
});
