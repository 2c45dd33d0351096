import { createHash } from "node:crypto";
import { expect } from "vitest";

export const types = {
  manifest: "application/vnd.oci.image.manifest.v1+json",
  index: "application/vnd.oci.image.index.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar",
  empty: "application/vnd.oci.empty.v1+json",
} as const;

/** The digest of bytes, or of a text in UTF-8. */
export function digestOf(bytes: Uint8Array | string, algorithm: "sha256" | "sha512" = "sha256"): string {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`;
}

export interface TestDescriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly [more: string]: unknown;
}

/** An answer, read whole. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;
  readonly text: string;
  /** The first error's code; undefined without errors. */
  readonly code: string | undefined;
  readonly message: string;
  readonly json: <T>() => T;
}

/** Speaks the Distribution API word by word, for tests that look at every word of the answer. */
export class WireClient {
  readonly url: () => string;
  readonly #send: typeof fetch;

  /**
   * @param url asked for each request, since a restarted server has another
   * @param send another way to send requests, for certificates that nobody signed
   */
  constructor(url: () => string, send: typeof fetch = fetch) {
    this.url = url;
    this.#send = send;
  }

  async call(
    method: string,
    path: string,
    body?: Uint8Array | string | ReadableStream,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const streamed = body instanceof ReadableStream ? { duplex: "half" as const } : {};
    const response = await this.#send(new URL(path, this.url()), {
      method,
      headers,
      redirect: "manual",
      ...(body === undefined ? {} : { body: body as string }),
      ...streamed,
    });
    const bytes = Buffer.from(await response.arrayBuffer());
    const text = bytes.toString();
    const error = errorIn(text);
    return {
      status: response.status,
      headers: response.headers,
      bytes,
      text,
      code: error?.code,
      message: error?.message ?? "",
      json: <T>() => JSON.parse(text) as T,
    };
  }

  get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.call("GET", path, undefined, headers);
  }

  /** Path of a new upload. */
  async begin(name: string): Promise<string> {
    const { status, headers } = await this.call("POST", `/v2/${name}/blobs/uploads/`);
    expect(status).toBe(202);
    return headers.get("location")!;
  }

  async pushBlob(name: string, bytes: Uint8Array | string, mediaType: string = types.layer): Promise<TestDescriptor> {
    const digest = digestOf(bytes);
    const { status, text } = await this.call("POST", `/v2/${name}/blobs/uploads/?digest=${digest}`, bytes);
    expect(status, text).toBe(201);
    return { mediaType, digest, size: Buffer.byteLength(bytes) };
  }

  putManifest(name: string, reference: string, text: string, mediaType: string = types.manifest): Promise<Answer> {
    return this.call("PUT", `/v2/${name}/manifests/${reference}`, text, { "content-type": mediaType });
  }

  /** Pushes an image of one layer; `more` are further fields of its manifest. */
  async pushImage(name: string, reference: string | undefined, more: object = {}): Promise<TestDescriptor> {
    const config = await this.pushBlob(name, "{}", types.config);
    const layers = [await this.pushBlob(name, "layer")];
    const text = JSON.stringify({ schemaVersion: 2, mediaType: types.manifest, config, layers, ...more });
    const digest = digestOf(text);
    const { status, text: answer } = await this.putManifest(name, reference ?? digest, text);
    expect(status, answer).toBe(201);
    return { mediaType: types.manifest, digest, size: Buffer.byteLength(text) };
  }
}

function errorIn(text: string): { readonly code: string; readonly message: string } | undefined {
  if (!text.startsWith('{"errors":')) return undefined;
  return (JSON.parse(text) as { errors: { code: string; message: string }[] }).errors[0];
}
