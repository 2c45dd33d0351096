import type { BlobContent, ImageContent } from "./images.ts";
import { manifestType } from "./images.ts";
import { findHeader } from "./raw-connection.ts";
import type { RawAnswer, RawConnection } from "./raw-connection.ts";

/** @throws Error when the answer has another status */
function expectStatus(answer: RawAnswer, status: number, what: string): void {
  if (answer.status !== status) throw new Error(`${what} was answered with ${answer.status}:\n${answer.head}`);
}

/** Opens an upload; resolves with the path and query to go on with, ready for another parameter. */
export async function openUpload(connection: RawConnection, repository: string): Promise<string> {
  const answer = await connection.send(
    Buffer.from(
      `POST /v2/${repository}/blobs/uploads/ HTTP/1.1\r\nHost: bench\r\n${connection.login}Content-Length: 0\r\n\r\n`,
    ),
  );
  expectStatus(answer, 202, "POST of an upload");
  const location = findHeader(answer.head, "location")!.replace(/^https?:\/\/[^/]+/, "");
  return `${location}${location.includes("?") ? "&" : "?"}`;
}

/** POST, then PUT with the whole body (end-4a, end-6). */
export async function pushBlob(connection: RawConnection, repository: string, blob: BlobContent): Promise<void> {
  const location = await openUpload(connection, repository);
  const head = Buffer.from(
    `PUT ${location}digest=${blob.digest} HTTP/1.1\r\nHost: bench\r\n${connection.login}Content-Type: application/octet-stream\r\nContent-Length: ${blob.bytes.length}\r\n\r\n`,
    "latin1",
  );
  expectStatus(await connection.send(head, blob.bytes), 201, "PUT of a blob");
}

export async function pushManifest(
  connection: RawConnection,
  repository: string,
  tag: string,
  bytes: Buffer,
): Promise<void> {
  const head = Buffer.from(
    `PUT /v2/${repository}/manifests/${tag} HTTP/1.1\r\nHost: bench\r\n${connection.login}Content-Type: ${manifestType}\r\nContent-Length: ${bytes.length}\r\n\r\n`,
    "latin1",
  );
  expectStatus(await connection.send(head, bytes), 201, "PUT of a manifest");
}

/** Five requests: two for each blob, one for the manifest. */
export async function pushImage(
  connection: RawConnection,
  repository: string,
  tag: string,
  image: ImageContent,
): Promise<void> {
  await pushBlob(connection, repository, image.layer);
  await pushBlob(connection, repository, image.config);
  await pushManifest(connection, repository, tag, image.manifest.bytes);
}
