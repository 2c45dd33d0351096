import type { BufferPool } from "../buffer-pool.ts";
import type { BlobDriver } from "../driver.ts";
import type { S3Options } from "./s3-options.ts";

/**
 * Objects in a bucket. Amazon's library is loaded with the first call.
 * @param buffers the budget that uploads share: parts are collected in what is spare of it, and on disk otherwise
 */
export async function s3Driver(options: S3Options, buffers: BufferPool): Promise<BlobDriver> {
  const { driverOver } = await import("./s3-driver.ts");
  return driverOver(options, buffers);
}
