import { createHash, randomBytes } from "node:crypto";
import { Agent, request } from "node:http";
import { authorizationIn, ecrTarget } from "../../tests/support/ecr-wire.ts";
import { types } from "../../tests/support/wire-client.ts";
import type { Server } from "../registries.ts";
import { addAgedImages } from "../rows.ts";
import type { Case, Lab, Metrics, Work } from "../work.ts";
import { seedImage } from "./seed.ts";

const day = 86_400_000;
const images = 100_000;
const repositoryName = "team/app";

/** Makes a call of the ECR API, as clients in open mode do. */
type Call = (operation: string, input: object) => Promise<any>;

/** Calls over connections that stay. @throws Error when an answer is not 200 */
function openCalls(server: Server, connections: number): { readonly call: Call; readonly close: () => void } {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const authorization = authorizationIn("eu-central-1");
  const call: Call = (operation, input) => {
    const body = JSON.stringify(input);
    const headers = {
      "content-type": "application/x-amz-json-1.1",
      "content-length": Buffer.byteLength(body),
      "x-amz-target": `${ecrTarget}${operation}`,
      authorization,
    };
    return new Promise((done, failed) => {
      const asked = request({ host: "127.0.0.1", port: server.port, method: "POST", path: "/", agent, headers });
      asked.on("error", failed);
      asked.on("response", (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", failed);
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString();
          if (response.statusCode === 200) done(JSON.parse(text));
          else failed(new Error(`${operation} was answered with ${response.statusCode}: ${text}`));
        });
      });
      asked.end(body);
    });
  };
  return { call, close: () => agent.destroy() };
}

/** Times of calls in milliseconds, as metrics; `cpu` is the server's for each. */
function metricsOf(times: readonly number[], seconds: number, cpuSeconds: number): Metrics {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
  return { rate: times.length / seconds, p50: at(0.5), p99: at(0.99), cpu: (cpuSeconds / times.length) * 1e6 };
}

async function prepareImages(lab: Lab): Promise<void> {
  const server = await lab.start();
  await seedImage(server, repositoryName, "first");
  await server.stop();
  addAgedImages(lab.folder, repositoryName, images, 400 * day);
}

/** All pages of the repository, one after the other, and from the beginning again until there are enough. */
function describing(name: string, input: object, least: number): Case {
  return {
    name,
    registry: "berth",
    prepare: prepareImages,
    measure: async (server, { quick }) => {
      const { call, close } = openCalls(server, 1);
      const times: number[] = [];
      let token: string | undefined;
      const page = async () => {
        const began = performance.now();
        const given = { repositoryName, ...input, ...(token === undefined ? {} : { nextToken: token }) };
        const { nextToken } = await call("DescribeImages", given);
        token = nextToken;
        times.push(performance.now() - began);
      };
      for (let warming = 0; warming < 20; warming++) await page();
      times.length = 0;
      const [cpu, began] = [server.cpu(), performance.now()];
      for (let count = 0; count < (quick ? least / 4 : least); count++) await page();
      const seconds = (performance.now() - began) / 1000;
      close();
      return metricsOf(times, seconds, server.cpu() - cpu);
    },
  };
}

const page = "berth, pages of 100";

export const describeImagesPage: Work = {
  name: "describe-images",
  title: "DescribeImages of the ECR API in a repository of 100,000 images",
  unit: "pages/s",
  notes: [
    "100,000 images with a tag each as rows; the pages follow one another by their tokens, over one connection",
    "of the untagged there are none: a page looks over 20,000 images and gives a token to go on by",
    "p99 is what the client waited, and CPU what the server's process used for a page",
  ],
  cases: [
    describing(page, {}, 2_000),
    describing("berth, pages of 1,000", { maxResults: 1000 }, 200),
    describing("berth, pages of untagged images where all are tagged", { filter: { tagStatus: "UNTAGGED" } }, 200),
  ],
  targets: [{ text: "p99 of a page of 100 (ms)", value: (r) => r.median(page, "p99"), atMost: 20 }],
};

const clients = 8;

/** Uploads a layer of 1 KiB in one part, and puts an image of it under a tag of its own. */
async function push(call: Call, tag: string): Promise<void> {
  const layer = randomBytes(1024);
  const digest = `sha256:${createHash("sha256").update(layer).digest("hex")}`;
  const { uploadId } = await call("InitiateLayerUpload", { repositoryName });
  const part = { repositoryName, uploadId, partFirstByte: 0, partLastByte: layer.length - 1 };
  await call("UploadLayerPart", { ...part, layerPartBlob: layer.toString("base64") });
  await call("CompleteLayerUpload", { repositoryName, uploadId, layerDigests: [digest] });
  const descriptor = { digest, size: layer.length };
  const imageManifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: types.manifest,
    config: { mediaType: types.config, ...descriptor },
    layers: [{ mediaType: types.layer, ...descriptor }],
  });
  await call("PutImage", { repositoryName, imageManifest, imageTag: tag });
}

const pushing = "berth, 8 clients";

export const pushByCalls: Work = {
  name: "push-by-ecr",
  title: "images pushed by calls of the ECR API alone",
  unit: "images/s",
  notes: [
    "an image is InitiateLayerUpload, UploadLayerPart with 1 KiB, CompleteLayerUpload and PutImage with a tag of its own; config and layer are one blob",
    "what a signature costs is in `verify-signatures`: four of them are checked for an image where access is on",
  ],
  cases: [
    {
      name: pushing,
      registry: "berth",
      measure: async (server, { quick }) => {
        const { call, close } = openCalls(server, clients);
        await call("CreateRepository", { repositoryName });
        const count = quick ? 100 : 400;
        const times: number[] = [];
        const pushAll = async (client: number, round: string, each: number) => {
          for (let n = 0; n < each; n++) {
            const began = performance.now();
            await push(call, `${round}-${client}-${n}`);
            times.push(performance.now() - began);
          }
        };
        const all = (round: string, each: number) =>
          Promise.all(Array.from({ length: clients }, (_none, client) => pushAll(client, round, each)));
        await all("warm", 5);
        times.length = 0;
        const [cpu, began] = [server.cpu(), performance.now()];
        await all("v", count / clients);
        const seconds = (performance.now() - began) / 1000;
        close();
        return metricsOf(times, seconds, server.cpu() - cpu);
      },
    },
  ],
  targets: [
    {
      text: "images a minute",
      value: (r) => {
        const rate = r.median(pushing, "rate");
        return rate === undefined ? undefined : rate * 60;
      },
      atLeast: 1_000,
    },
  ],
};
