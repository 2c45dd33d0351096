import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListPartsCommand,
  PutObjectCommand,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { Readable } from "node:stream";
import { crc32 } from "node:zlib";
import { StorageError } from "../driver.ts";
import type { ObjectKey } from "../driver.ts";
import type { Bucket, Try } from "./s3-bucket.ts";
import { mayPass } from "./s3-retry.ts";
import type { Part } from "./s3-part.ts";

/** A part that is there: its ETag, CRC-32 and size in bytes. */
export type SentPart = readonly [etag: string, crc: number, size: number];

/** How long a server may take to join parts of so many bytes, in milliseconds: it may copy them. */
function joiningTime(size: number): number {
  return Math.min(300_000, 10_000 + size / 100_000);
}

/** Keys that one call deletes. */
const batch = 1_000;
const type = "application/octet-stream";

/** CRC-32 as S3 writes it: base64 of four bytes, big-endian. */
export function crcText(crc: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc);
  return bytes.toString("base64");
}

/** CRC-32 that S3 gives an object made of parts: that of the parts' CRCs, with their number. */
function crcOfParts(parts: readonly SentPart[]): string {
  const crcs = Buffer.alloc(parts.length * 4);
  for (const [index, [, crc]] of parts.entries()) crcs.writeUInt32BE(crc, index * 4);
  return `${crcText(crc32(crcs))}-${parts.length}`;
}

/** Sends a body and makes sure that it does not outlive its try. */
async function sending<T>(part: Part, one: Try, send: (body: Buffer | Readable) => Promise<T>): Promise<T> {
  const body = part.open(one.progress);
  try {
    return await send(body);
  } finally {
    if (body instanceof Readable) await closed(body);
  }
}

function closed(stream: Readable): Promise<void> {
  if (stream.closed) return Promise.resolve();
  return new Promise((resolve) => {
    stream.once("close", resolve);
    stream.once("error", () => undefined);
    stream.destroy();
  });
}

/** Stores an object that is one part, under a key that nobody used. @throws StorageError */
export async function putObject(bucket: Bucket, key: ObjectKey, part: Part): Promise<void> {
  const doing = `cannot store ${key}`;
  const checksum = crcText(part.crc);
  let earlier = false;
  try {
    const stored = await bucket.call(doing, (one) =>
      sending(part, one, (Body) =>
        one.client.send(
          new PutObjectCommand({
            Bucket: bucket.name,
            Key: bucket.nameOf(key),
            Body,
            ContentLength: part.size,
            ContentType: type,
            ChecksumCRC32: checksum,
            ...bucket.onlyNew(),
          }),
          one.options,
        ),
      ),
    );
    if (stored.ChecksumCRC32 === checksum) return;
  } catch (error) {
    // An earlier try may have stored it although its answer was lost.
    if (!(error instanceof StorageError) || error.reason !== "exists") throw error;
    earlier = true;
  }
  await checkObject(bucket, key, { size: part.size, checksum, earlier });
}

/**
 * Compares an object with what was sent.
 * @param sent with `earlier` when somebody else may have stored it
 * @throws StorageError `exists` when it is what somebody else stored, `missing`, `failed`
 */
async function checkObject(
  bucket: Bucket,
  key: ObjectKey,
  sent: { readonly size: number; readonly checksum: string; readonly earlier: boolean },
): Promise<void> {
  const found = await headObject(bucket, key);
  if (found === undefined) throw new StorageError("missing", `${key} was stored and is not there`);
  const reason = sent.earlier ? "exists" : "failed";
  if (found.size !== sent.size)
    throw new StorageError(reason, `${key} has ${found.size} bytes, ${sent.size} were sent`);
  // Servers that keep another checksum, or none, have compared the parts as they came.
  const comparable = found.checksum?.includes("-") === sent.checksum.includes("-");
  if (comparable && found.checksum !== sent.checksum) {
    throw new StorageError(reason, `${key} is not what was sent: its checksum differs`);
  }
}

/** Size and checksum of an object, undefined when the server says that it is not there. @throws StorageError */
export async function headObject(
  bucket: Bucket,
  key: ObjectKey,
): Promise<{ readonly size: number; readonly checksum: string | undefined } | undefined> {
  try {
    const found = await bucket.call(`cannot look at ${key}`, ({ client, options }) =>
      client.send(
        new HeadObjectCommand({ Bucket: bucket.name, Key: bucket.nameOf(key), ChecksumMode: "ENABLED" }),
        options,
      ),
    );
    return { size: found.ContentLength!, checksum: found.ChecksumCRC32 };
  } catch (error) {
    if (error instanceof StorageError && error.reason === "missing") return undefined;
    throw error;
  }
}

/** Begins an object of parts and gives its id. @throws StorageError */
export async function beginParts(bucket: Bucket, key: ObjectKey): Promise<string> {
  const begun = await bucket.call(`cannot begin ${key}`, ({ client, options }) =>
    client.send(
      new CreateMultipartUploadCommand({
        Bucket: bucket.name,
        Key: bucket.nameOf(key),
        ContentType: type,
        ChecksumAlgorithm: "CRC32",
      }),
      options,
    ),
  );
  return begun.UploadId!;
}

/** Sends a part. @param number from 1 @throws StorageError */
export async function sendPart(
  bucket: Bucket,
  key: ObjectKey,
  upload: string,
  number: number,
  part: Part,
): Promise<SentPart> {
  const checksum = crcText(part.crc);
  const sent = await bucket.inTurn(() =>
    bucket.call(`cannot send part ${number} of ${key}`, (one) =>
      sending(part, one, (Body) =>
        one.client.send(
          new UploadPartCommand({
            Bucket: bucket.name,
            Key: bucket.nameOf(key),
            UploadId: upload,
            PartNumber: number,
            Body,
            ContentLength: part.size,
            ChecksumCRC32: checksum,
          }),
          one.options,
        ),
      ),
    ),
  );
  if (sent.ETag === undefined || (sent.ChecksumCRC32 ?? checksum) !== checksum) {
    throw new StorageError("failed", `part ${number} of ${key} is not what was sent: its checksum differs`);
  }
  return [sent.ETag, part.crc, part.size];
}

/** True when the server knows the unfinished object. @throws StorageError */
export async function hasParts(bucket: Bucket, key: ObjectKey, upload: string): Promise<boolean> {
  try {
    await bucket.call(`cannot go on with ${key}`, ({ client, options }) =>
      client.send(
        new ListPartsCommand({ Bucket: bucket.name, Key: bucket.nameOf(key), UploadId: upload, MaxParts: 1 }),
        options,
      ),
    );
    return true;
  } catch (error) {
    if (error instanceof StorageError && error.reason === "missing") return false;
    throw error;
  }
}

/** Joins the parts, and compares the object with what was sent. @throws StorageError */
export async function joinParts(
  bucket: Bucket,
  key: ObjectKey,
  upload: string,
  parts: readonly SentPart[],
): Promise<void> {
  let earlier = false;
  const size = parts.reduce((sum, [, , bytes]) => sum + bytes, 0);
  const Parts = parts.map(([ETag, crc], index) => ({ ETag, ChecksumCRC32: crcText(crc), PartNumber: index + 1 }));
  try {
    // An error inside an answer with status 200 is thrown by the library like any other.
    await bucket.call(
      `cannot finish ${key}`,
      ({ client, options }) =>
        client.send(
          new CompleteMultipartUploadCommand({
            Bucket: bucket.name,
            Key: bucket.nameOf(key),
            UploadId: upload,
            MultipartUpload: { Parts },
            ...bucket.onlyNew(),
          }),
          options,
        ),
      joiningTime(size),
    );
  } catch (error) {
    // An earlier try may have joined them although its answer was lost: the comparison tells.
    if (!(error instanceof StorageError) || (error.reason !== "exists" && error.reason !== "missing")) throw error;
    earlier = true;
  }
  await checkObject(bucket, key, { size, checksum: crcOfParts(parts), earlier });
}

/** Gives up an object of parts, with what was sent of it. Idempotent. @throws StorageError */
export async function dropParts(bucket: Bucket, key: ObjectKey, upload: string, once = false): Promise<void> {
  const drop = ({ client, options }: Try) =>
    client.send(
      new AbortMultipartUploadCommand({ Bucket: bucket.name, Key: bucket.nameOf(key), UploadId: upload }),
      options,
    );
  const doing = `cannot give up ${key}`;
  try {
    await (once ? bucket.callOnce(doing, drop) : bucket.call(doing, drop));
  } catch (error) {
    if (!(error instanceof StorageError) || error.reason !== "missing") throw error;
  }
}

/** A small object whole, undefined when it is not there. @throws StorageError */
export async function getSmall(bucket: Bucket, key: ObjectKey): Promise<Uint8Array | undefined> {
  try {
    return await bucket.call(`cannot read ${key}`, async ({ client, options }) => {
      const got = await client.send(new GetObjectCommand({ Bucket: bucket.name, Key: bucket.nameOf(key) }), options);
      const bytes = await got.Body!.transformToByteArray();
      if (bytes.length === got.ContentLength) return bytes;
      throw new StorageError("unavailable", "the answer ended early");
    });
  } catch (error) {
    if (error instanceof StorageError && error.reason === "missing") return undefined;
    throw error;
  }
}

/** Deletes objects; what is not there counts as deleted. @throws StorageError when one of them could not be */
export async function deleteObjects(bucket: Bucket, keys: readonly ObjectKey[], once = false): Promise<void> {
  const doing = `cannot remove ${keys.length === 1 ? keys[0] : `${keys.length} objects`}`;
  for (let start = 0; start < keys.length; start += batch) {
    let left = keys.slice(start, start + batch).map((key) => bucket.nameOf(key));
    const remove = async ({ client, options }: Try) => {
      if (left.length === 1) {
        await client.send(new DeleteObjectCommand({ Bucket: bucket.name, Key: left[0]! }), options);
        return;
      }
      const Delete = { Objects: left.map((Key) => ({ Key })), Quiet: true };
      const { Errors } = await client.send(new DeleteObjectsCommand({ Bucket: bucket.name, Delete }), options);
      const failed = (Errors ?? []).filter(({ Code }) => Code !== "NoSuchKey");
      if (failed.length === 0) return;
      left = failed.map(({ Key }) => Key!);
      const [{ Key, Code, Message } = {}] = failed;
      const reason = failed.some((one) => mayPass(one.Code)) ? "unavailable" : "failed";
      throw new StorageError(reason, `${failed.length} were refused, such as ${Key}: ${Code} ${Message ?? ""}`);
    };
    try {
      await (once ? bucket.callOnce(doing, remove) : bucket.call(doing, remove));
    } catch (error) {
      if (!(error instanceof StorageError) || error.reason !== "missing") throw error;
    }
  }
}
