import {
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import type { BufferPool } from "../buffer-pool.ts";
import { StorageError, noStore } from "../driver.ts";
import type { BlobDriver, ObjectEntry, ObjectKey } from "../driver.ts";
import { isObjectKey } from "../object-key.ts";
import { Bucket } from "./s3-bucket.ts";
import { deleteObjects, dropParts, getSmall, headObject } from "./s3-objects.ts";
import { openReader } from "./s3-reader.ts";
import { createWriter, resumeWriter, tailsOf } from "./s3-writer.ts";
import type { S3State } from "./s3-writer.ts";
import type { S3Options } from "./s3-options.ts";

/*
 * <prefix>/store.json              {"format":1}: proves that this is the store and not an empty bucket of the same name
 * <prefix>/mark.json               what ties the store to its database
 * <prefix>/o/<2 hex>/<ULID>        objects
 * <prefix>/o/<2 hex>/<ULID>.t<n>   tails of suspended uploads
 */

const marker = "store.json";
const markFile = "mark.json";
const tail = /^(o\/.*)\.t\d+$/;
/** A signed URL lives no longer than this, in seconds; deleted objects stay longer. */
const longestRedirect = 900;

/** @see BlobDriver */
export function driverOver(options: S3Options, buffers: BufferPool): BlobDriver {
  const bucket = new Bucket(options);
  const room = { buffers, spool: options.spool };
  const where = `the bucket ${options.bucket}`;

  /** Tells "the object is not there" from "the store is not there". @throws StorageError `unavailable` */
  const checkMarker = async (): Promise<void> => {
    if ((await getSmall(bucket, marker)) !== undefined) return;
    throw new StorageError("unavailable", `${where} is not a store at the moment: its ${marker} is not there`);
  };

  const driver: BlobDriver = {
    name: "s3",
    remote: true,
    async open(mayMake) {
      let found = await getSmall(bucket, marker);
      if (found === undefined) {
        if ((await mayMake?.()) === false) throw noStore(where, marker);
        await writeMarker(bucket);
        found = await getSmall(bucket, marker);
      }
      const format = found === undefined ? undefined : findFormat(found);
      if (format !== 1) {
        const message = `${marker} in ${where} is of a format that this version does not know: start the version that wrote it`;
        throw new StorageError("failed", message);
      }
    },
    create: async (key) => createWriter(bucket, room, key),
    async resume(key, state) {
      try {
        return await resumeWriter(bucket, room, key, state as S3State);
      } catch (error) {
        if (isMissing(error)) await checkMarker();
        throw error;
      }
    },
    async read(key, range) {
      try {
        return await openReader(bucket, key, range);
      } catch (error) {
        if (isMissing(error) && (await driver.findSize(key)) !== undefined) {
          throw new StorageError("unavailable", `${key} comes and goes`, { cause: error });
        }
        throw error;
      }
    },
    async findSize(key) {
      const found = await headObject(bucket, key);
      if (found === undefined) await checkMarker();
      return found?.size;
    },
    remove: (keys) => deleteObjects(bucket, keys),
    async discard(key, state) {
      const kept = state as S3State | undefined;
      if (kept?.upload) await dropParts(bucket, key, kept.upload);
      if (kept === undefined) {
        for await (const begun of listUnfinished(bucket)) if (begun.key === key) await dropParts(bucket, key, begun.id);
      }
      const tails = kept === undefined ? await listTails(bucket, key) : tailsOf(key, kept);
      await deleteObjects(bucket, [...tails, key]);
    },
    async *list() {
      for await (const entry of listAll(bucket, "o/")) if (isObjectKey(entry.key)) yield entry;
    },
    async sweepUnfinished(before, isKnown) {
      let swept = 0;
      for await (const begun of unknown(listUnfinished(bucket), before, isKnown)) {
        await dropParts(bucket, begun.key, begun.id);
        swept++;
      }
      for await (const left of unknown(listTailsLeft(bucket), before, isKnown)) {
        await deleteObjects(bucket, [left.tail]);
        swept++;
      }
      return swept;
    },
    async findMark() {
      const found = await getSmall(bucket, markFile);
      if (found === undefined) await checkMarker();
      return found === undefined ? undefined : Buffer.from(found).toString("utf8");
    },
    async putMark(mark) {
      await bucket.call(`cannot write ${markFile}`, ({ client, options }) =>
        client.send(
          new PutObjectCommand({
            Bucket: bucket.name,
            Key: bucket.nameOf(markFile),
            Body: mark,
            ContentType: "application/json",
          }),
          options,
        ),
      );
    },
    findSpace: () => Promise.resolve(undefined),
    async findRedirect(key, seconds) {
      const command = new GetObjectCommand({
        Bucket: bucket.name,
        Key: bucket.nameOf(key),
        ResponseContentType: "application/octet-stream",
      });
      return getSignedUrl(bucket.client, command, { expiresIn: Math.min(seconds, longestRedirect) });
    },
    close: () => bucket.close(),
  };
  return driver;
}

function isMissing(error: unknown): boolean {
  return error instanceof StorageError && error.reason === "missing";
}

async function writeMarker(bucket: Bucket): Promise<void> {
  const body = '{"format":1}\n';
  try {
    await bucket.call(`cannot make a store of the bucket ${bucket.name}`, ({ client, options }) =>
      client.send(
        new PutObjectCommand({
          Bucket: bucket.name,
          Key: bucket.nameOf(marker),
          Body: body,
          ContentType: "application/json",
          ...bucket.onlyNew(),
        }),
        options,
      ),
    );
  } catch (error) {
    // Another node was quicker.
    if (!(error instanceof StorageError) || error.reason !== "exists") throw error;
  }
}

function findFormat(bytes: Uint8Array): unknown {
  try {
    return (JSON.parse(Buffer.from(bytes).toString("utf8")) as { format?: unknown }).format;
  } catch {
    return undefined;
  }
}

async function* listAll(bucket: Bucket, prefix: string): AsyncGenerator<ObjectEntry> {
  let after: string | undefined;
  do {
    const page = await bucket.call(`cannot list ${prefix}`, ({ client, options }) =>
      client.send(
        new ListObjectsV2Command({
          Bucket: bucket.name,
          Prefix: bucket.nameOf(prefix),
          ...(after === undefined ? {} : { ContinuationToken: after }),
        }),
        options,
      ),
    );
    for (const { Key, Size, LastModified } of page.Contents ?? []) {
      const key = bucket.findKey(Key ?? "");
      if (key !== undefined) yield { key, size: Size ?? 0, modifiedAt: LastModified?.getTime() ?? Date.now() };
    }
    after = page.IsTruncated === true ? page.NextContinuationToken : undefined;
  } while (after !== undefined);
}

async function listTails(bucket: Bucket, key: ObjectKey): Promise<string[]> {
  const tails: string[] = [];
  for await (const entry of listAll(bucket, `${key}.t`)) tails.push(entry.key);
  return tails;
}

interface Begun {
  readonly key: ObjectKey;
  readonly id: string;
  readonly at: number;
}

/** Unfinished objects. Some servers list them only without a prefix. */
async function* listUnfinished(bucket: Bucket): AsyncGenerator<Begun> {
  let after: { readonly KeyMarker: string; readonly UploadIdMarker: string } | undefined;
  do {
    const page = await bucket.call("cannot list unfinished uploads", ({ client, options }) =>
      client.send(new ListMultipartUploadsCommand({ Bucket: bucket.name, ...after }), options),
    );
    for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
      const key = bucket.findKey(Key ?? "");
      if (key !== undefined && isObjectKey(key)) yield { key, id: UploadId!, at: Initiated?.getTime() ?? Date.now() };
    }
    after =
      page.IsTruncated === true && page.NextKeyMarker !== undefined
        ? { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker ?? "" }
        : undefined;
  } while (after !== undefined);
}

/** Tails, with the key of their upload; empty where the object is finished, so that nobody knows it. */
async function* listTailsLeft(bucket: Bucket) {
  let finished = "";
  for await (const { key, modifiedAt } of listAll(bucket, "o/")) {
    const base = tail.exec(key)?.[1];
    // An object is listed right before its tails.
    if (base === undefined) finished = key;
    else yield { key: base === finished ? "" : base, tail: key, at: modifiedAt };
  }
}

/** What began before `before` and whose key is not known, asked in batches. */
async function* unknown<T extends { readonly key: ObjectKey; readonly at: number }>(
  entries: AsyncIterable<T>,
  before: number,
  isKnown: (keys: readonly ObjectKey[]) => Promise<ReadonlySet<ObjectKey>>,
): AsyncGenerator<T> {
  let batch: T[] = [];
  const sift = async (): Promise<T[]> => {
    const asked = batch;
    batch = [];
    const keys = [...new Set(asked.map(({ key }) => key).filter((key) => key !== ""))];
    const known = keys.length === 0 ? new Set<ObjectKey>() : await isKnown(keys);
    return asked.filter(({ key }) => !known.has(key));
  };
  for await (const entry of entries) {
    if (entry.at >= before) continue;
    batch.push(entry);
    if (batch.length >= 500) yield* await sift();
  }
  yield* await sift();
}
