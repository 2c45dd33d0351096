import { mkdtemp, open, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { digestOf } from "../support/wire-client.ts";
import { ask } from "./ask.ts";
import { startBerth } from "./berth-process.ts";
import { Client, freshBytes } from "./client.ts";
import { Ledger } from "./ledger.ts";
import { fsckAsItIs } from "./open-registry.ts";
import { report } from "./report.ts";

const count = 1_000;
const large = 3_000_000;

/** Changes one bit of a file. */
async function flipBit(path: string): Promise<void> {
  const file = await open(path, "r+");
  try {
    const { size } = await file.stat();
    const position = Math.floor(Math.random() * size);
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, position);
    byte[0]! ^= 1 << Math.floor(Math.random() * 8);
    await file.write(byte, 0, 1, position);
  } finally {
    await file.close();
  }
}

/** Runs `work` for each item, eight at a time. */
async function forEach<T>(items: readonly T[], work: (item: T, index: number) => Promise<void>): Promise<void> {
  const left = [...items.entries()];
  const workers = Array.from({ length: 8 }, async () => {
    for (let next = left.pop(); next !== undefined; next = left.pop()) await work(next[1], next[0]);
  });
  await Promise.all(workers);
}

test(`one bit flipped in each of ${count} objects: no wrong body is ever complete, fsck finds all, a push heals`, async (context) => {
  const data = await mkdtemp(join(tmpdir(), "berth-flips-"));
  context.onTestFinished(() => rm(data, { recursive: true, force: true }));
  const blobs = Array.from({ length: count }, (_, index) => freshBytes(index % 100 === 0 ? large : 17_000 + index));
  const push = async (base: string, ledger: Ledger) => {
    const client = new Client(base, ledger);
    await forEach(blobs, async (blob) => expect((await client.pushBlob("flips", blob)).status).toBe(201));
    return ledger;
  };
  const first = await startBerth(data);
  await push(first.base, new Ledger());
  await first.stop();
  const shards = await readdir(join(data, "blobs/o"), { recursive: true, withFileTypes: true });
  const files = shards.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  expect(files.length).toBe(count);
  for (const file of files) await flipBit(file);

  expect((await fsckAsItIs({ data })).filter((one) => one.startsWith("digestMismatches"))).toHaveLength(count);

  const server = await startBerth(data);
  context.onTestFinished(async () => void (await server.kill()));
  const seen = { broken: 0, refused: 0, parts: 0 };
  await forEach(blobs, async (blob, index) => {
    const url = `${server.base}/v2/flips/blobs/${digestOf(blob)}`;
    // Some are met by a range first.
    if (index % 3 === 0) {
      const [start, end] = [Math.floor(blob.length / 3), Math.floor(blob.length / 2)];
      const part = await ask(url, "GET", undefined, { range: `bytes=${start}-${end}` });
      if (part.status === 206) {
        seen.parts++;
        expect(part.body.equals(blob.subarray(start, end + 1))).toBe(true);
      }
    }
    const { status } = await ask(url, "GET");
    if (status === 0) seen.broken++;
    else {
      expect([404, 500]).toContain(status);
      seen.refused++;
    }
    expect((await ask(url, "HEAD")).status, "a blob that was seen bad is not there").toBe(404);
  });
  expect(seen.broken + seen.refused).toBe(count);

  const ledger = await push(server.base, new Ledger());
  expect(await ledger.prove(server.base)).toEqual([]);
  await server.stop();
  const left = (await fsckAsItIs({ data })).filter((one) => !one.startsWith("objectsWithoutRow"));
  expect(left).toEqual([]);
  const { broken, refused, parts } = seen;
  report(
    "one bit flipped in each object",
    `${count} objects: fsck found all; ${broken} answers broke off, ${refused} were refused, ${parts} ranges beside the bit were right; all healed by a push`,
  );
});
