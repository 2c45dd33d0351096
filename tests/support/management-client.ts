import { startTestServer } from "./start-server.ts";
import type { TestServer } from "./start-server.ts";
import type { Settings } from "../../src/config.ts";

/** An answer of the management API. */
export interface ApiAnswer<T = unknown> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
  readonly text: string;
  /** Berth's code of a problem. */
  readonly code: string | undefined;
}

/** Speaks the management API as one caller. */
export interface ApiClient {
  call<T = any>(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<ApiAnswer<T>>;
  get<T = any>(path: string, headers?: Record<string, string>): Promise<ApiAnswer<T>>;
  post<T = any>(path: string, body?: unknown, headers?: Record<string, string>): Promise<ApiAnswer<T>>;
  patch<T = any>(path: string, body?: unknown, headers?: Record<string, string>): Promise<ApiAnswer<T>>;
  put<T = any>(path: string, body?: unknown): Promise<ApiAnswer<T>>;
  delete<T = any>(path: string, headers?: Record<string, string>): Promise<ApiAnswer<T>>;
}

/** A client that shows this header with each request; undefined shows nothing. */
export function clientOf(url: () => string, authorization?: string): ApiClient {
  const call: ApiClient["call"] = async (method, path, body, headers = {}) => {
    const sent = typeof body === "string" || body === undefined ? body : JSON.stringify(body);
    const answer = await fetch(`${url()}/api/v1${path}`, {
      method,
      redirect: "manual",
      headers: {
        ...(authorization === undefined ? {} : { authorization }),
        ...(sent === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(sent === undefined ? {} : { body: sent }),
    });
    const text = await answer.text();
    const parsed = text === "" ? undefined : JSON.parse(text);
    return { status: answer.status, headers: answer.headers, text, body: parsed, code: parsed?.code };
  };
  return {
    call,
    get: (path, headers) => call("GET", path, undefined, headers),
    post: (path, body = {}, headers) => call("POST", path, body, headers),
    patch: (path, body, headers) => call("PATCH", path, body, headers),
    put: (path, body) => call("PUT", path, body),
    delete: (path, headers) => call("DELETE", path, undefined, headers),
  };
}

export function basicHeader(name: string, secret: string): string {
  return `Basic ${Buffer.from(`${name}:${secret}`).toString("base64")}`;
}

export interface GuardedServer {
  readonly server: TestServer;
  /** The first owner. */
  readonly admin: ApiClient;
  readonly anonymous: ApiClient;
  /** Somebody by name and secret. */
  readonly as: (name: string, secret: string) => ApiClient;
  /** By a header as it is. */
  readonly by: (authorization: string) => ApiClient;
  close(): Promise<void>;
}

export const adminPassword = "correct horse battery staple";

/** A server that asks for credentials. Its first owner's password is {@link adminPassword}. */
export async function startGuardedServer(overrides: Settings = {}): Promise<GuardedServer> {
  const server = await startTestServer({ open: false, adminPassword, ...overrides });
  const url = () => server.url;
  return {
    server,
    admin: clientOf(url, basicHeader("admin", adminPassword)),
    anonymous: clientOf(url),
    as: (name, secret) => clientOf(url, basicHeader(name, secret)),
    by: (authorization) => clientOf(url, authorization),
    close: () => server.close(),
  };
}
