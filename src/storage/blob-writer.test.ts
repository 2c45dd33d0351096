import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { BlobStore, BufferPool, memoryDriver } from "./index.ts";

test("a small blob that comes a byte at a time does not keep every piece", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const store = new BlobStore(memoryDriver(), { inlineBytes: 16_384, buffers: new BufferPool(1024 * 1024) });
  const writer = store.begin("sha256");
  const pieces: WeakRef<Uint8Array>[] = [];
  for (let at = 0; at < 10_000; at++) {
    const piece = new Uint8Array([at % 251]);
    pieces.push(new WeakRef(piece));
    await writer.write(piece);
  }
  // A reference that was made in this turn holds until its end.
  await new Promise((resolve) => setTimeout(resolve, 1));
  collect();
  expect(pieces.filter((piece) => piece.deref() !== undefined).length).toBeLessThanOrEqual(257);
  const written = await writer.finish("sha256");
  expect(written.size).toBe(10_000);
  expect(written.bytes?.every((byte, at) => byte === at % 251)).toBe(true);
  await store.close();
});
