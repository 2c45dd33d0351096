import { GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import type { StoredFiles } from "./files.ts";

/** Where the files are; as in the setting `storage`. */
export interface BucketPlace {
  readonly bucket: string;
  /** Without slashes at its ends; may be empty. */
  readonly prefix: string;
  readonly endpoint: string | undefined;
  readonly region: string | undefined;
  readonly pathStyle: boolean | undefined;
  /** Found where Amazon's tools look when not given. */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined;
}

/** Files in a bucket, for reading. Requests are repeated by the library. */
export function bucketFiles(place: BucketPlace): StoredFiles {
  const { bucket: Bucket, prefix, endpoint, region, pathStyle, credentials } = place;
  const where = region ?? (endpoint === undefined ? undefined : "us-east-1");
  const client = new S3Client({
    ...(where === undefined ? {} : { region: where }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials: { ...credentials } }),
    forcePathStyle: pathStyle ?? endpoint !== undefined,
    maxAttempts: 5,
    responseChecksumValidation: "WHEN_REQUIRED",
  });
  const nameOf = (path: string) => (prefix === "" ? path : `${prefix}/${path}`);

  async function findSize(path: string): Promise<number | undefined> {
    try {
      return (await client.send(new HeadObjectCommand({ Bucket, Key: nameOf(path) }))).ContentLength;
    } catch (error) {
      if ((error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode === 404) return undefined;
      throw error;
    }
  }

  async function* stream(path: string): AsyncGenerator<Uint8Array> {
    const { Body } = await client.send(new GetObjectCommand({ Bucket, Key: nameOf(path) }));
    yield* Body as AsyncIterable<Uint8Array>;
  }

  return {
    async *list(folder) {
      const Prefix = folder === "" && prefix === "" ? "" : `${nameOf(folder).replace(/\/$/, "")}/`;
      for (let token: string | undefined; ;) {
        const page = await client.send(
          new ListObjectsV2Command({ Bucket, Prefix, Delimiter: "/", ContinuationToken: token }),
        );
        for (const { Prefix: name = "" } of page.CommonPrefixes ?? []) yield name.slice(Prefix.length, -1);
        token = page.NextContinuationToken;
        if (token === undefined) return;
      }
    },
    async read(path, limit) {
      const size = await findSize(path);
      if (size === undefined) return undefined;
      if (size > limit) throw new Error(`${path} has ${size} bytes, more than ${limit}`);
      return Buffer.concat(await Array.fromAsync(stream(path)));
    },
    findSize,
    stream,
    findPath: () => undefined,
  };
}
