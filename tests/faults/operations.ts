import { freshBytes, layerSizes, manifestOf } from "./client.ts";
import type { Client } from "./client.ts";
import { digestOf } from "../support/wire-client.ts";

/** What is done to a running registry: `prepare` in peace, `run` while something strikes. */
export interface Operation {
  readonly prepare: (client: Client, name: string) => Promise<void>;
  /** Resolves with the statuses of its answers; ends with the first that is not a success. Doing it again is allowed. */
  readonly run: (client: Client, name: string) => Promise<number[]>;
}

const layers = layerSizes.map(freshBytes);
const config = Buffer.from("{}");

/** Blobs of an image that no other name has: one in a row, one in an object, one hashed by a thread, and the config. */
export function imageOf(name: string): Buffer[] {
  return [Buffer.from(JSON.stringify({ name })), ...layers.map((bytes) => Buffer.concat([Buffer.from(name), bytes]))];
}

const before = [config, Buffer.from("before")];
const after = [config, Buffer.from("after")];

/** By name, as the tests' titles have it. `name` is a repository that nobody used before. */
export const operations: Readonly<Record<string, Operation>> = {
  "one push": {
    prepare: async () => undefined,
    run: (client, name) => client.pushImage(name, "latest", imageOf(name)),
  },
  "one upload in chunks": {
    prepare: async () => undefined,
    // A chunk that stays in the row, one that makes an object of both, one that a thread hashes, and the rest.
    run: (client, name) => client.pushInChunks(name, imageOf(name)[3]!, [5_000, 30_000, 700_000]),
  },
  "one tag move": {
    async prepare(client, name) {
      await client.pushImage(name, "latest", before);
      await client.pushImage(name, "other", after);
    },
    run: async (client, name) => [(await client.pushManifest(name, manifestOf(after), "latest")).status],
  },
  "one delete": {
    async prepare(client, name) {
      await client.pushImage(name, "latest", [config, Buffer.from(name)]);
    },
    async run(client, name) {
      const manifest = digestOf(manifestOf([config, Buffer.from(name)]));
      const statuses = [(await client.deleteManifest(name, manifest, ["latest"])).status];
      if (isGone(statuses)) statuses.push((await client.deleteBlob(name, digestOf(Buffer.from(name)))).status);
      return statuses;
    },
  },
};

/** A delete that is done again finds what it deleted the first time gone. */
function isGone([status]: readonly number[]): boolean {
  return status === 202 || status === 404;
}
