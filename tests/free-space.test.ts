import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { startTestServer } from "./support/start-server.ts";
import { digestOf } from "./support/wire-client.ts";

const data = await mkdtemp(join(tmpdir(), "berth-space-"));
afterAll(() => rm(data, { recursive: true, force: true }));

test("below uploads.freeSpace pushes are refused with 507 and change nothing; pulls and deletes go on", async () => {
  const bytes = randomBytes(50_000);
  const path = `/v2/space/blobs/${digestOf(bytes)}`;
  const uploads = "/v2/space/blobs/uploads/";
  const roomy = await startTestServer({ data });
  const put = await fetch(`${roomy.url}${uploads}?digest=${digestOf(bytes)}`, { method: "POST", body: bytes });
  expect(put.status).toBe(201);
  await roomy.close();

  const full = await startTestServer({ data, uploads: { freeSpace: "8000TiB" } });
  try {
    const other = randomBytes(50_000);
    const refused = await fetch(`${full.url}${uploads}?digest=${digestOf(other)}`, { method: "POST", body: other });
    const { errors } = (await refused.json()) as { errors: { code: string; message: string }[] };
    expect([refused.status, errors[0]?.code]).toEqual([507, "DENIED"]);
    expect(refused.headers.get("retry-after")).toMatch(/^\d+$/);
    const { headers } = await fetch(full.url + uploads, { method: "POST" });
    const chunk = await fetch(full.url + headers.get("location")!, { method: "PATCH", body: other });
    expect(chunk.status).toBe(507);
    expect((await fetch(`${full.url}/v2/space/blobs/${digestOf(other)}`)).status).toBe(404);
    const pulled = await fetch(full.url + path);
    expect(Buffer.from(await pulled.arrayBuffer()).equals(bytes)).toBe(true);
    expect((await fetch(full.url + path, { method: "DELETE" })).status).toBe(202);
  } finally {
    await full.close();
  }
});
