import { readFile } from "node:fs/promises";
import type { IncomingMessage, RequestOptions } from "node:http";
import { nodeHttp, nodeHttps } from "../lib/index.ts";
import { CommandError, usageError } from "./command-error.ts";
import { exitCodes } from "./exit-codes.ts";

/** Where a request goes, and which certificates are trusted there beside the system's. */
export interface Target {
  /** Origin: `https://registry.example.com`. */
  readonly url: string;
  /** In PEM. */
  readonly ca: string | undefined;
  /** What is shown where the server asks for a certificate. */
  readonly client?: ClientCertificate | undefined;
}

/** A client's certificate and its key, in PEM. */
export interface ClientCertificate {
  readonly cert: string;
  readonly key: string;
}

export interface Sent {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Received {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
}

/** Bytes of an answer that are read at most. */
const answerLimit = 64 * 1024 * 1024;
/** Time without a byte after which a server is given up, in milliseconds. */
const patience = 30_000;

/**
 * One request and its answer. Redirects are not followed: a credential goes to the server that was named, and nowhere else.
 * @throws CommandError when the server cannot be reached or breaks off
 */
export async function sendRequest(target: Target, { method, path, headers, body }: Sent): Promise<Received> {
  const { url } = target;
  try {
    return await exchange(url, await requestOptions(target), {
      method,
      path,
      headers,
      ...(body === undefined ? {} : { body }),
    });
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError(`${url} cannot be reached (${reasonOf(error)}): ${cureFor(error)}`, {
      exitCode: exitCodes.unavailable,
      cause: error,
    });
  }
}

/** Whether TLS is spoken there; whether the certificate is good shows when it is used. */
export async function speaksTls(url: string): Promise<boolean> {
  const { connect } = await import("node:tls");
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  return new Promise((resolve) => {
    const socket = connect({ host, port: port === "" ? 443 : Number(port), rejectUnauthorized: false });
    socket.setTimeout(patience, () => socket.destroy());
    socket.on("secureConnect", () => (resolve(true), socket.destroy()));
    // Nothing listens: what the request itself says then is better than what is known here.
    socket.on("error", ({ code }: NodeJS.ErrnoException) => resolve(code === "ECONNREFUSED"));
    socket.on("close", () => resolve(false));
  });
}

async function requestOptions({ url, ca, client }: Target): Promise<TlsOptions> {
  if (!url.startsWith("https:")) return {};
  const { rootCertificates } = await import("node:tls");
  return { ...client, ...(ca === undefined ? {} : { ca: [...rootCertificates, ca] }) };
}

type TlsOptions = RequestOptions & { readonly ca?: string[]; readonly cert?: string; readonly key?: string };

function exchange(url: string, options: RequestOptions, { method, path, headers, body }: Sent): Promise<Received> {
  const { request } = url.startsWith("https:") ? nodeHttps() : nodeHttp();
  return new Promise((resolve, reject) => {
    const sent = request(url + path, { ...options, method, headers, timeout: patience }, (answer) => {
      const chunks: Buffer[] = [];
      let length = 0;
      answer.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        length += chunk.length;
        if (length > answerLimit) answer.destroy(new Error("the answer does not end"));
      });
      answer.on("error", reject);
      answer.on("end", () => {
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text: Buffer.concat(chunks).toString() });
      });
    });
    sent.on("timeout", () => sent.destroy(new Error(`nothing came for ${patience / 1000} seconds`)));
    sent.on("error", reject);
    sent.end(body);
  });
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? message;
}

function cureFor(error: unknown): string {
  const reason = reasonOf(error);
  if (/CERT|SIGNATURE|ISSUER|ALTNAME/.test(reason)) {
    return "its certificate is not one that this machine trusts: give the authority's with --ca-file";
  }
  if (/SSL|EPROTO/.test(reason)) return "it does not speak TLS: is it http://?";
  return "is it running, and is the name right?";
}

/** Where a client's certificate and its key are; both or neither. */
export interface ClientFiles {
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

/** Undefined where no files are named. @throws CommandError */
export async function readClient({ certFile, keyFile }: ClientFiles): Promise<ClientCertificate | undefined> {
  if (certFile === undefined && keyFile === undefined) return undefined;
  if (certFile === undefined || keyFile === undefined) throw usageError("--cert-file and --key-file belong together");
  const client = { cert: await readCertificates(certFile), key: await readPem(keyFile) };
  const { createSecureContext } = await import("node:tls");
  try {
    createSecureContext(client);
    return client;
  } catch (error) {
    throw usageError(`${certFile} and ${keyFile} are no certificate with its key (${(error as Error).message})`);
  }
}

/** Text of a file with certificates. @throws CommandError */
export async function readCertificates(path: string): Promise<string> {
  const text = await readPem(path);
  if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  throw new CommandError(`${path} holds no certificate in PEM`, { exitCode: exitCodes.usage });
}

async function readPem(path: string): Promise<string> {
  return readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new CommandError(`${path} cannot be read (${error.code})`, { exitCode: exitCodes.usage });
  });
}
