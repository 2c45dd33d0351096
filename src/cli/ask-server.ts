import { randomUUID } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { apiPrefix, endpoints } from "../contract/index.ts";
import type { AnswerOf, BodyOf, Endpoint, ParametersOf, Problem, QueryOf } from "../contract/index.ts";
import { CommandError } from "./command-error.ts";
import { exitCodes } from "./exit-codes.ts";
import { sendRequest } from "./send-request.ts";
import type { Received, Target } from "./send-request.ts";

/** A server with the credential that is shown to it. */
export interface Server extends Target {
  readonly user: string;
  /** A password, a personal token or a robot's secret; undefined where the certificate is the login. */
  readonly secret: string | undefined;
}

type Table = typeof endpoints;
export type EndpointId = keyof Table;

/** What an endpoint takes; what it does not take is left out. */
export interface Question<E> {
  readonly parameters?: ParametersOf<E>;
  readonly query?: QueryOf<E>;
  readonly body?: BodyOf<E>;
}

/** The same where the endpoint is known at run time only. */
export interface LooseQuestion {
  readonly parameters?: unknown;
  readonly query?: unknown;
  readonly body?: unknown;
}

/** The server answers no: its problem (RFC 9457) is the reason. */
export class RefusedError extends CommandError {
  override readonly name = "CommandError";
  /** HTTP status. */
  readonly status: number;
  readonly problem: Partial<Problem>;
  constructor(target: Target, status: number, problem: Partial<Problem>) {
    super(describeProblem(target, status, problem), {
      exitCode: status === 429 || status >= 502 ? exitCodes.unavailable : exitCodes.failed,
    });
    this.status = status;
    this.problem = problem;
  }
}

/** Times that a request is sent which may be sent again. */
const attempts = 3;

/**
 * Calls an endpoint of the management API and checks what it answers.
 * A creation carries a key, so that it may be sent again when its answer was lost.
 * @throws RefusedError, CommandError when the server cannot be reached or answers something else
 */
export async function askServer<Id extends EndpointId>(
  server: Server,
  id: Id,
  question: Question<Table[Id]> = {},
): Promise<AnswerOf<Table[Id]>> {
  return (await askEndpoint(server, id, question)) as AnswerOf<Table[Id]>;
}

/** The same where the endpoint is known at run time only. */
export async function askEndpoint(server: Server, id: EndpointId, question: LooseQuestion): Promise<unknown> {
  return (await askWhole(server, endpoints[id], question)).body;
}

/**
 * The same for a change: the state is read first, and a change that somebody else makes meanwhile is not undone by it.
 * @throws RefusedError with status 412 then
 */
export async function changeSeen(server: Server, id: EndpointId, question: LooseQuestion): Promise<unknown> {
  const endpoint: Endpoint = endpoints[id];
  const shown = Object.values(endpoints as Readonly<Record<string, Endpoint>>).find(
    ({ method, path }) => method === "GET" && path === endpoint.path,
  );
  if (endpoint.conditional !== true || shown === undefined) return askEndpoint(server, id, question);
  const { version } = await askWhole(server, shown, { parameters: question.parameters }).catch((error: unknown) => {
    // What is not there is made, or refused by the change itself.
    if (error instanceof RefusedError && error.status === 404) return { version: undefined };
    throw error;
  });
  return (await askWhole(server, endpoint, question, version)).body;
}

async function askWhole(
  server: Server,
  endpoint: Endpoint,
  question: LooseQuestion,
  version?: string,
): Promise<{ readonly body: unknown; readonly version: string | undefined }> {
  const { method } = endpoint;
  const path =
    apiPrefix +
    fillPath(endpoint.path, question.parameters as Texts | undefined) +
    fillQuery(question.query as Texts | undefined);
  const headers: Record<string, string> = { accept: "application/json" };
  const { user, secret } = server;
  if (secret !== undefined) headers["authorization"] = `Basic ${Buffer.from(`${user}:${secret}`).toString("base64")}`;
  if (version !== undefined) headers["if-match"] = version;
  if (endpoint.body !== undefined) headers["content-type"] = "application/json";
  if (endpoint.once === true) headers["idempotency-key"] = randomUUID();
  const body = endpoint.body === undefined ? {} : { body: JSON.stringify(question.body ?? {}) };
  const mayRepeat = method === "GET" || endpoint.once === true;
  for (let attempt = 1; ; attempt++) {
    try {
      const answer = await sendRequest(server, { method, path, headers, ...body });
      if (mayRepeat && attempt < attempts && answer.status === 503) throw new RefusedError(server, 503, {});
      const read = readAnswer(server, endpoint, answer);
      for (const text of warningsOf(answer)) process.stderr.write(`berth: ${text}\n`);
      return { body: read, version: answer.headers["etag"] };
    } catch (error) {
      const again = mayRepeat && attempt < attempts && error instanceof CommandError;
      if (!again || error.exitCode !== exitCodes.unavailable || isAbsent(error)) throw error;
      await setTimeout(200 * attempt);
    }
  }
}

/** What the server says of a request that succeeded (RFC 7234, 5.5). */
function warningsOf({ headers }: Received): string[] {
  const texts = [...String(headers["warning"] ?? "").matchAll(/299 - "((?:[^"\\]|\\.)*)"/g)];
  return texts.map(([, text]) => text!.replaceAll(/\\(.)/g, "$1"));
}

/** All pages of a list one after the other, at most `limit` entries. */
export async function* askPages(
  server: Server,
  id: EndpointId,
  question: LooseQuestion,
  limit: number,
  note: (notes: readonly string[]) => void = () => undefined,
): AsyncGenerator<unknown> {
  let after: string | null = null;
  let left = limit;
  do {
    const paging: Record<string, unknown> = { limit: Math.min(left, 1000) };
    if (after !== null) paging["after"] = after;
    const query = { ...(question.query as object | undefined), ...paging };
    const page = (await askEndpoint(server, id, { ...question, query })) as Page;
    yield* page.items.slice(0, left);
    note(page.notes ?? []);
    left -= page.items.length;
    after = page.next;
  } while (after !== null && left > 0);
}

interface Page {
  readonly items: readonly unknown[];
  readonly next: string | null;
  /** For people, about the list. */
  readonly notes?: readonly string[];
}

type Texts = Readonly<Record<string, string | number | boolean | undefined>>;

/** Puts names into a path: `{user}` is one segment, `{name+}` and `{path*}` are several; a dash stands for none at the end. */
export function fillPath(path: string, parameters: Texts = {}): string {
  const many = /^\{(\w+)[+*]\}$/;
  const segments = path.slice(1).split("/");
  const filled = segments.flatMap((segment, index) => {
    const name = (many.exec(segment) ?? /^\{(\w+)\}$/.exec(segment))?.[1];
    if (name === undefined) return [segment];
    const value = String(parameters[name] ?? "");
    if (!many.test(segment)) return [encodeURIComponent(value)];
    if (value !== "") return value.split("/").map(encodeURIComponent);
    return index === segments.length - 1 ? ["-"] : [];
  });
  return `/${filled.join("/")}`;
}

function fillQuery(query: Texts = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  if (given.length === 0) return "";
  return `?${new URLSearchParams(given.map(([name, value]): [string, string] => [name, String(value)])).toString()}`;
}

function readAnswer(server: Server, { answer, status }: Endpoint, received: Received): unknown {
  if (received.status >= 400) throw new RefusedError(server, received.status, parseProblem(received));
  if (received.status !== status && received.status !== 200) throw strange(server, `status ${received.status}`);
  if (answer === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(received.text);
  } catch {
    throw strange(server, "no JSON");
  }
  const { success, data } = answer.safeParse(value);
  if (success) return data;
  throw strange(server, "JSON of another form");
}

function strange(server: Server, what: string): CommandError {
  return new CommandError(
    `${server.url} answers ${what}: it is no Berth, or one of another version, or something stands between`,
  );
}

function parseProblem({ headers, text }: Received): Partial<Problem> {
  if (!/^application\/(?:problem\+)?json/.test(headers["content-type"] ?? "")) return {};
  try {
    return JSON.parse(text) as Partial<Problem>;
  } catch {
    return {};
  }
}

function describeProblem({ url }: Target, status: number, { detail, requestId, fields }: Partial<Problem>): string {
  const { host } = new URL(url);
  if (typeof detail !== "string") return `${host} answers with status ${status} and does not say why`;
  const others = (fields ?? []).slice(1).map(({ field, message }) => `; ${field} ${message}`);
  const request = status >= 500 && typeof requestId === "string" ? ` (request ${requestId})` : "";
  return `${detail}${others.join("")}${request}`;
}

/** Nothing listens there: asking again at once does not help. */
function isAbsent({ cause }: CommandError): boolean {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? "";
  return code === "ECONNREFUSED" || code === "ENOTFOUND" || /CERT|SSL|EPROTO|SIGNATURE|ISSUER/.test(code);
}
