import { afterAll, describe, expect, test } from "vitest";
import { openTestDatabase } from "./support/open-database.ts";
import { imageOf } from "./support/open-registry.ts";
import { basic, grant, makeAccount, makeNamespace, makeToken } from "./support/open-rights.ts";
import { startPostgres } from "./support/postgres.ts";
import { serveGuarded } from "./support/serve-guarded.ts";
import { digestOf, types } from "./support/wire-client.ts";

/* Content that lies in rows is no longer what it was: a disk flipped a bit, and no database looks. */

const postgres = await startPostgres();
afterAll(() => postgres?.stop());

describe.each(["SQLite", "PostgreSQL"] as const)("on %s", (kind) => {
  test.skipIf(kind === "PostgreSQL" && postgres === undefined)(
    "manifests and small blobs with other bytes than their digests say are not given out, and a push heals them",
    async () => {
      const database = await openTestDatabase(kind === "PostgreSQL" ? postgres : undefined);
      const server = await serveGuarded({}, { metadata: database.metadata });
      const { metadata } = server;
      const team = await makeNamespace(metadata, "team");
      const alice = await makeAccount(metadata, "alice");
      await grant(metadata, { account: alice }, { namespace: team }, "owner");
      const shown = basic("alice", (await makeToken(metadata, alice, null, 86_400_000)).secret);
      const layer = "a layer";
      const manifest = imageOf([layer]);
      const blobPath = `/v2/team/app/blobs/${digestOf(layer)}`;
      const pushBlob = () =>
        server.ask("POST", `/v2/team/app/blobs/uploads/?digest=${encodeURIComponent(digestOf(layer))}`, shown, layer);
      const pushManifest = () =>
        server.wire.call("PUT", "/v2/team/app/manifests/v1", manifest.toString(), {
          authorization: shown,
          "content-type": types.manifest,
        });
      const flip = async (table: string, which: string) => {
        const bytes = kind === "SQLite" ? "x'00' || substr(bytes, 2)" : "'\\x00'::bytea || substr(bytes, 2)";
        await database.sql(`update ${table} set bytes = ${bytes} where ${which}`);
      };
      const blobs = "blob_id in (select id from blob where digest = '" + digestOf(layer) + "')";
      try {
        expect((await pushBlob()).status).toBe(201);
        expect((await pushManifest()).status).toBe(201);

        // Nothing was pulled yet: what was read before is still what it was.
        await flip("manifest_content", "true");
        for (const reference of ["v1", digestOf(manifest)]) {
          const refused = await server.ask("GET", `/v2/team/app/manifests/${reference}`, shown);
          expect([refused.status, refused.text]).toEqual([500, expect.stringContaining("push it again")]);
        }
        expect((await pushManifest()).status).toBe(201);
        expect((await server.ask("GET", "/v2/team/app/manifests/v1", shown)).text).toBe(manifest.toString());

        await flip("blob_content", blobs);
        const refused = await server.ask("GET", blobPath, shown);
        expect([refused.status, refused.text]).toEqual([500, expect.stringContaining("push it again")]);
        // It is marked: whoever pushes is told that it is not there, and brings it.
        expect((await server.ask("HEAD", blobPath, shown)).status).toBe(404);
        expect((await pushBlob()).status).toBe(201);
        expect((await server.ask("GET", blobPath, shown)).text).toBe(layer);
        expect(server.broken.map(String)).toEqual(expect.arrayContaining([expect.stringContaining("other bytes")]));
      } finally {
        await server.close();
        await database.close();
      }
    },
  );
});
