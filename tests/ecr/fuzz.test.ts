import { afterAll, expect, test } from "vitest";
import { inputs } from "../../src/api/ecr/model/inputs.ts";
import type { OperationName } from "../../src/api/ecr/model/inputs.ts";
import type { Shape } from "../../src/api/ecr/model/shape.ts";
import { authorizationIn, callEcr } from "../support/ecr-wire.ts";
import { Dice } from "../support/fuzz-requests.ts";
import { needPeers } from "../support/peers.ts";
import { startPostgres } from "../support/postgres.ts";
import { startTestServer } from "../support/start-server.ts";
import { digestOf, types, WireClient } from "../support/wire-client.ts";

/** Calls of one database: `FUZZ_REQUESTS` asks for another number. */
const wanted = Number(process.env["FUZZ_REQUESTS"] ?? 500);
const seed = Number(process.env["FUZZ_SEED"] ?? Date.now() % 100_000);

const postgres = await startPostgres();
afterAll(() => postgres?.stop());

const names = ["team/app", "team/app", "team/new", "a/b-c", "none/such", "n".repeat(256)];
const odd = [
  "",
  "\u0000",
  "\ud800",
  "a\u0000b",
  "*",
  "../x",
  "x".repeat(5000),
  "sha256:00",
  "AWS:",
  "%00",
  "😀",
  "1e9",
];
const values = [null, true, 0, -1, 1.5, 1e30, [], {}, [[]], "", [null]];
const headers = ["x-amz-target", "content-type", "x-amz-date", "authorization", "x-amz-security-token"];

/** A value of the shape, most of the time one that it takes. */
function sample(shape: Shape, dice: Dice, digests: readonly string[], member = ""): unknown {
  if (dice.once(40)) return dice.pick(values);
  switch (shape.kind) {
    case "text":
      if (shape.values !== undefined && !dice.once(20)) return dice.pick(shape.values);
      if (dice.once(12)) return dice.pick(odd);
      if (/repositoryName/i.test(member)) return dice.pick(names);
      if (/digest/i.test(member)) return dice.pick(digests);
      if (member === "resourceArn") return `arn:aws:ecr:eu-central-1:000000000000:repository/${dice.pick(names)}`;
      return dice.pick(["v1", "v2", "123456789012", "team", "ROOT", "00000000-0000-0000-0000-000000000000", "{}"]);
    case "number":
      return dice.pick([0, 1, 2, 100, 1000, 1001, 2 ** 53]);
    case "bytes":
      return dice.bytes(dice.below(40)).toString(dice.once(5) ? "hex" : "base64");
    case "flag":
      return dice.once(2);
    case "list":
      return Array.from({ length: dice.pick([0, 1, 1, 2, 3, 101]) }, () => sample(shape.of, dice, digests, member));
    case "structure": {
      const members = Object.entries({ ...shape.required, ...shape.optional });
      return Object.fromEntries(
        members
          .filter(([name]) => name in shape.required || dice.once(3))
          .map(([name, of]) => {
            return [name, sample(of, dice, digests, name)];
          }),
      );
    }
  }
}

/** The text, or one that something was done to. */
function mutate(text: string, dice: Dice): string | Uint8Array {
  if (!dice.once(4)) return text;
  const bytes = Buffer.from(text);
  const at = dice.below(bytes.length + 1);
  switch (dice.below(5)) {
    case 0:
      return bytes.subarray(0, at);
    case 1:
      return Buffer.concat([bytes.subarray(0, at), dice.bytes(1 + dice.below(4)), bytes.subarray(at)]);
    case 2:
      return "[".repeat(50_000);
    case 3:
      return text.replaceAll('"', "'");
    default:
      return Buffer.concat([bytes, bytes]);
  }
}

/** How often a whole push and pull stands between fuzzed calls. */
const everyCalls = 25;

/** Pushes an image by calls alone, which are all taken, and gets it and its layer back. */
async function pushAndPull(url: string, number: number, about: string): Promise<void> {
  const repositoryName = "good/app";
  const call = async (operation: OperationName, input: object) => {
    const answer = await callEcr(url, operation, { repositoryName, ...input });
    expect(answer.status, `${about}: ${operation} was answered with ${answer.text}`).toBe(200);
    return answer.body;
  };
  const layer = `layer ${number}`;
  if (number === 0) {
    await call("CreateRepository", {});
    await upload("{}");
  }
  await upload(layer);
  const describe = (mediaType: string, text: string) => ({ mediaType, digest: digestOf(text), size: text.length });
  const parts = { config: describe(types.config, "{}"), layers: [describe(types.layer, layer)] };
  const imageManifest = JSON.stringify({ schemaVersion: 2, mediaType: types.manifest, ...parts });
  await call("PutImage", { imageManifest, imageTag: `v${number}` });
  const { images } = await call("BatchGetImage", { imageIds: [{ imageTag: `v${number}` }] });
  expect(images[0].imageManifest, about).toBe(imageManifest);
  const { imageDetails } = await call("DescribeImages", { imageIds: [{ imageDigest: digestOf(imageManifest) }] });
  expect(imageDetails[0].imageTags, about).toEqual([`v${number}`]);
  const { downloadUrl } = await call("GetDownloadUrlForLayer", { layerDigest: digestOf(layer) });
  expect(await (await fetch(downloadUrl)).text(), about).toBe(layer);

  async function upload(text: string): Promise<void> {
    const { uploadId } = await call("InitiateLayerUpload", {});
    const layerPartBlob = Buffer.from(text).toString("base64");
    await call("UploadLayerPart", { uploadId, partFirstByte: 0, partLastByte: text.length - 1, layerPartBlob });
    await call("CompleteLayerUpload", { uploadId, layerDigests: [digestOf(text)] });
  }
}

test.each(["SQLite", "PostgreSQL"] as const)(
  "fuzzed calls on %s: each is answered, none by 5xx, and what is good is taken in between",
  async (kind, context: any) => {
    if (kind === "PostgreSQL") needPeers(context, "postgresql");
    const database = kind === "PostgreSQL" ? { database: await postgres!.makeDatabase() } : {};
    const server = await startTestServer(database);
    try {
      const wire = new WireClient(() => server.url);
      const image = await wire.pushImage("team/app", "v1");
      const digests = [image.digest, digestOf("layer"), digestOf("none"), "sha512:00"];
      const dice = new Dice(seed);
      const statuses = new Map<number, number>();
      for (let sent = 0; sent < wanted; sent++) {
        if (sent % everyCalls === 0)
          await pushAndPull(server.url, sent / everyCalls, `seed ${seed}, after ${sent} calls`);
        const name = dice.pick(Object.keys(inputs)) as OperationName;
        const body = mutate(JSON.stringify(sample(inputs[name], dice, digests)), dice);
        const more: Record<string, string> = dice.once(30)
          ? {
              [dice.pick(headers)]: dice.pick(["x", "AWS4-HMAC-SHA256 Credential=", "text/plain", authorizationIn("")]),
            }
          : {};
        const answer = await callEcr(server.url, name, body, more);
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
        const about = `seed ${seed}, ${name} ${body.toString().slice(0, 300)}: ${answer.text.slice(0, 300)}`;
        expect([200, 400], about).toContain(answer.status);
        if (answer.status === 400) expect(answer.body.__type, about).toBe(answer.headers.get("x-amzn-errortype"));
      }
      console.log(
        `seed ${seed}, ${kind}: ${[...statuses].map(([status, count]) => `${count} × ${status}`).join(", ")}`,
      );
      expect(statuses.get(200), "some are taken").toBeGreaterThan(0);
      expect(server.errors).toEqual([]);
      await wire.pushImage("after/fuzz", "latest");
    } finally {
      await server.close();
    }
  },
);
