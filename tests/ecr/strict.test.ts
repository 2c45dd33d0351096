import { afterAll, describe, expect, test } from "vitest";
import { askHost } from "../support/ask-host.ts";
import { callEcr, ecrTarget } from "../support/ecr-wire.ts";
import { startGuardedServer } from "../support/management-client.ts";
import { imageOf } from "../support/open-registry.ts";
import { basic } from "../support/open-rights.ts";
import { startPostgres } from "../support/postgres.ts";
import { signedHeaders } from "../support/sign-as.ts";
import type { Pair } from "../support/sign-as.ts";
import { digestOf, types } from "../support/wire-client.ts";

const account = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";
const authorization = basic("admin", "correct horse battery staple");
const postgres = await startPostgres();
afterAll(() => postgres?.stop());

describe.each(["SQLite", "PostgreSQL"] as const)("on %s", (kind) =>
  test.skipIf(kind === "PostgreSQL" && postgres === undefined)(
    "with ecr.strict a tag that does not move takes nothing again, and signatures are no exception; elsewhere all is as ever",
    async () => {
      const guarded = await startGuardedServer({
        ...(kind === "PostgreSQL" && { database: await postgres!.makeDatabase() }),
        ecr: { accounts: [{ id: "123456789012", namespace: "shop" }], createOnPush: true, strict: true },
      });
      const { url, host } = guarded.server;
      const push = async (at: string, name: string, tag: string, layer: string) => {
        const blob = `/v2/${name}/blobs/uploads/?digest=${encodeURIComponent(digestOf(layer))}`;
        await askHost(host, at, "POST", blob, { body: layer, headers: { authorization } });
        const headers = { authorization, "content-type": types.manifest };
        return askHost(host, at, "PUT", `/v2/${name}/manifests/${tag}`, { body: imageOf([layer]).toString(), headers });
      };
      const made = await fetch(`${url}/api/v1/users/admin/tokens`, {
        method: "POST",
        headers: { authorization, "content-type": "application/json" },
        body: JSON.stringify({ name: "aws", aws: true }),
      });
      const { accessKeyId, secretAccessKey } = (await made.json()) as Pair;
      const call = (operation: string, input: object) => {
        const body = JSON.stringify(input);
        const wish = { region: "eu-central-1", host, body, target: `${ecrTarget}${operation}` };
        const {
          Host: _host,
          "Content-Length": _length,
          ...headers
        } = signedHeaders({ accessKeyId, secretAccessKey }, wish);
        return callEcr(url, operation, body, headers);
      };
      const refused = (tag: string) =>
        `The image tag '${tag}' already exists in the 'app' repository and cannot be overwritten because the repository is immutable.`;
      const signature = `sha256-${"0".repeat(64)}.sig`;
      try {
        for (const tag of ["v1", signature]) expect((await push(account, "app", tag, "layer")).status).toBe(201);
        // What may move is pushed again as often as anybody likes.
        expect((await push(account, "app", "v1", "layer")).status).toBe(201);
        await call("PutImageTagMutability", { repositoryName: "app", imageTagMutability: "IMMUTABLE" });
        for (const [tag, layer] of [
          ["v1", "layer"],
          [signature, "other"],
        ] as const) {
          const { status, error } = await push(account, "app", tag, layer);
          expect([status, error.code, error.message]).toEqual([400, "TAG_INVALID", refused(tag)]);
        }
        const put = await call("PutImage", {
          repositoryName: "app",
          imageManifest: imageOf(["other"]).toString(),
          imageManifestMediaType: types.manifest,
          imageTag: signature,
        });
        expect(put.body).toMatchObject({ __type: "ImageTagAlreadyExistsException", message: refused(signature) });
        expect((await push(account, "app", "v2", "other")).status).toBe(201);
        expect((await push(host, "shop/app", "v1", "layer")).status).toBe(201);
        expect((await push(host, "shop/app", signature, "other")).status).toBe(201);
        expect(guarded.server.errors).toEqual([]);
      } finally {
        await guarded.close();
      }
    },
  ),
);
