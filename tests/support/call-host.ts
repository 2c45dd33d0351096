import { request } from "node:http";
import { digestOf, types } from "./wire-client.ts";

/** An answer of the Distribution API, called by a name that resolves to this machine. */
export interface HostAnswer {
  readonly status: number;
  readonly text: string;
  /** Of the first error; empty without one. */
  readonly code: string;
  readonly message: string;
}

/** A server, the name by which it is called, and who calls. */
export interface CalledHost {
  /** `127.0.0.1:40123` */
  readonly address: string;
  readonly host: string;
  readonly authorization?: string;
}

/** Sends a request to a server by another name than its own. */
export function callHost(
  { address, host, authorization }: CalledHost,
  method: string,
  path: string,
  body?: string,
  type?: string,
): Promise<HostAnswer> {
  const { hostname, port } = new URL(`http://${address}`);
  const headers = {
    host,
    ...(authorization === undefined ? {} : { authorization }),
    ...(type === undefined ? {} : { "content-type": type }),
  };
  return new Promise((done, reject) => {
    const asked = request({ host: hostname, port, method, path, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (text += chunk));
      response.on("end", () => {
        const { code = "", message = "" } = (text.startsWith("{") ? JSON.parse(text).errors?.[0] : undefined) ?? {};
        done({ status: response.statusCode!, text, code, message });
      });
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

/** Pushes an image of one layer; what the first refusal, or the last request, answered. */
export async function pushByHost(of: CalledHost, name: string, tag: string, layer: string): Promise<HostAnswer> {
  for (const blob of ["{}", layer]) {
    const path = `/v2/${name}/blobs/uploads/?digest=${encodeURIComponent(digestOf(blob))}`;
    const stored = await callHost(of, "POST", path, blob);
    if (stored.status !== 201) return stored;
  }
  const describe = (mediaType: string, text: string) => ({ mediaType, digest: digestOf(text), size: text.length });
  const manifest = {
    schemaVersion: 2,
    mediaType: types.manifest,
    config: describe(types.config, "{}"),
    layers: [describe(types.layer, layer)],
  };
  return callHost(of, "PUT", `/v2/${name}/manifests/${tag}`, JSON.stringify(manifest), types.manifest);
}
