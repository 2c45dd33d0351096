import { distributionErrors } from "./errors.ts";
import { queryOf, readChunks, sendEmpty, sendError, statedLength } from "../http/index.ts";
import type { Exchange } from "../http/index.ts";
import { parseContentRange, parseDigest, parseRepositoryName, RegistryError } from "../../oci/index.ts";
import type { ByteRange, RepositoryName } from "../../oci/index.ts";
import {
  appendUpload,
  cancelUpload,
  finishUpload,
  inspectUpload,
  mountBlob,
  pushBlob,
  startUpload,
} from "../../registry/index.ts";
import type { Body, Registry } from "../../registry/index.ts";

/** Opens an upload, takes a blob whole, or mounts one (end-4a, end-4b, end-11). */
export async function postUpload(registry: Registry, exchange: Exchange, name: RepositoryName): Promise<void> {
  const query = queryOf(exchange);
  const [mount, digestText] = [query.get("mount"), query.get("digest")];
  if (mount !== null) {
    const digest = parseDigest(mount);
    const from = query.get("from");
    const source = from === null ? undefined : parseRepositoryName(from);
    if (await mountBlob(registry, exchange, name, digest, source)) return sendStored(exchange, name, digest);
  } else if (digestText !== null) {
    const digest = parseDigest(digestText);
    await pushBlob(registry, exchange, name, digest, bodyOf(exchange));
    return sendStored(exchange, name, digest);
  }
  const wanted = query.get("digest-algorithm") ?? "sha256";
  if (wanted !== "sha256" && wanted !== "sha512") {
    throw new RegistryError("DIGEST_INVALID", "the digest algorithm is not supported: use sha256 or sha512", {
      detail: { supported: ["sha256", "sha512"] },
    });
  }
  sendEmpty(exchange.response, 202, uploadHeaders(name, await startUpload(registry, exchange, name, wanted), 0));
}

/** What an upload's own address answers (end-5, end-6, end-13, end-14). */
export async function answerUpload(
  registry: Registry,
  exchange: Exchange,
  name: RepositoryName,
  id: string,
  unsupported: () => void,
): Promise<void> {
  const { request, response } = exchange;
  switch (request.method) {
    case "GET":
    case "HEAD":
      return sendEmpty(response, 204, uploadHeaders(name, id, await inspectUpload(registry, exchange, name, id)));
    case "PATCH": {
      const range = rangeOf(exchange);
      try {
        const size = await appendUpload(registry, exchange, name, id, range, bodyOf(exchange));
        return sendEmpty(response, 202, uploadHeaders(name, id, size));
      } catch (error) {
        return sendUploadError(registry, exchange, name, id, error);
      }
    }
    case "PUT": {
      const digest = parseDigest(queryOf(exchange).get("digest") ?? "");
      const range = rangeOf(exchange);
      try {
        await finishUpload(registry, exchange, name, id, digest, range, bodyOf(exchange));
      } catch (error) {
        return sendUploadError(registry, exchange, name, id, error);
      }
      return sendStored(exchange, name, digest);
    }
    case "DELETE":
      await cancelUpload(registry, exchange, name, id);
      return sendEmpty(response, 204, []);
    default:
      return unsupported();
  }
}

/** A chunk that does not fit tells where the upload stands. */
async function sendUploadError(
  registry: Registry,
  exchange: Exchange,
  name: RepositoryName,
  id: string,
  error: unknown,
): Promise<void> {
  if (!(error instanceof RegistryError) || error.code !== "RANGE_INVALID") throw error;
  const headers = uploadHeaders(name, id, await inspectUpload(registry, exchange, name, id));
  sendError(exchange, error, distributionErrors.RANGE_INVALID, headers);
}

function uploadHeaders(name: RepositoryName, id: string, size: number): string[] {
  return [
    "Location",
    `/v2/${name}/blobs/uploads/${id}`,
    "Range",
    `0-${Math.max(0, size - 1)}`,
    "Docker-Upload-UUID",
    id,
  ];
}

function sendStored(exchange: Exchange, name: RepositoryName, digest: string): void {
  sendEmpty(exchange.response, 201, ["Location", `/v2/${name}/blobs/${digest}`, "Docker-Content-Digest", digest]);
}

/**
 * Where the client says the chunk belongs.
 * @throws RegistryError RANGE_INVALID, SIZE_INVALID when the body is stated to have another length
 */
function rangeOf({ request }: Exchange): ByteRange | undefined {
  const header = request.headers["content-range"];
  if (header === undefined) return undefined;
  const range = parseContentRange(header);
  const length = statedLength(request);
  if (length === undefined || length === range.end - range.start + 1) return range;
  const message = `Content-Range ${header} has ${range.end - range.start + 1} bytes, but Content-Length says ${length}: send the chunk again with both right`;
  throw new RegistryError("SIZE_INVALID", message);
}

/** The request's body, checked before it is read. @throws RegistryError SIZE_INVALID */
function bodyOf(exchange: Exchange): Body {
  const stated = statedLength(exchange.request);
  return Object.assign((take: Parameters<Body>[0]) => readChunks(exchange, take), { stated });
}
