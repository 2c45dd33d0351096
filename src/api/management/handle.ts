import { attempt, authenticate, watchLogin } from "../../access/index.ts";
import { endpoints } from "../../contract/index.ts";
import type { Endpoint } from "../../contract/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { requireWritable, translateError } from "../../registry/index.ts";
import { sendEmpty, sendJson, warningHeaders } from "../http/index.ts";
import type { Exchange } from "../http/index.ts";
import type { Call, Handler, Management, Reply } from "./call.ts";
import { askLeave, refuseStrangers } from "./guard.ts";
import { handlers } from "./handlers.ts";
import { parseTexts, queryTexts, readJson, readOnce, readVersions } from "./read-call.ts";
import { compileRoutes, matchRoute } from "./route.ts";
import { sendProblem } from "./send-problem.ts";

const routes = compileRoutes(endpoints);

/** Answers are about one caller, and some hold a secret. No site but ours may read them: there is no CORS header. */
const everywhere = ["Cache-Control", "no-store", "X-Content-Type-Options", "nosniff"];

/** Answers a request below `/api/v1`. Never rejects; what breaks is told to `log`. */
export async function handleManagement(
  management: Management,
  exchange: Exchange,
  log: (error: unknown) => void,
): Promise<void> {
  try {
    await answer(management, exchange);
  } catch (error) {
    const translated = translateError(error);
    const { code } = translated;
    if (code === "INTERNAL" || code === "UNAVAILABLE" || code === "STORAGE_FULL") log(error);
    sendProblem(exchange, translated, everywhere);
  }
}

async function answer(management: Management, exchange: Exchange): Promise<void> {
  const { access } = management.registry;
  exchange.route = "management";
  // Registry tokens are for repositories: none is taken here.
  const { address, id, certificate } = exchange;
  const where = { address, id, certificate, audience: undefined };
  exchange.principal = await authenticate(access, exchange.request.headers.authorization, where);
  const login = watchLogin(access, exchange);
  const match = matchRoute(routes, exchange.request.method ?? "", exchange.path);
  if (match === undefined)
    throw new RegistryError("NOT_FOUND", "no route of the API has this path: see its documentation");
  if (match.id === undefined) return refuseMethod(exchange, match.methods);
  const endpoint: Endpoint = endpoints[match.id as keyof typeof endpoints];
  refuseStrangers(exchange, endpoint);
  if (endpoint.method !== "GET" && endpoint.whenReadOnly !== true) await requireWritable(management.registry);
  const parameters = parseTexts(endpoint.parameters, match.parameters, "path");
  const query = parseTexts(endpoint.query, queryTexts(exchange), "query");
  const versions = readVersions(exchange, endpoint);
  // Asked before the body is read, but for the one place that only the body names.
  const early = endpoint.auth.place !== "parent";
  const before = early ? await askLeave(access, exchange, endpoint, match.parameters, undefined) : undefined;
  const { value, bytes } = await readJson(exchange, endpoint);
  await login.look();
  const leave = before ?? (await askLeave(access, exchange, endpoint, match.parameters, value));
  const once = readOnce(exchange, endpoint, bytes);
  const call = { management, caller: exchange, ...leave, parameters, query, body: value, versions, once };
  // The table gives each id its types; here they meet what was just parsed by them.
  const handler = handlers[match.id as keyof typeof handlers] as unknown as Handler<Endpoint>;
  const answered = handler(call as unknown as Call<Endpoint>);
  const tried = { action: match.id, repository: match.parameters["name"] ?? "", target: "" };
  send(exchange, endpoint, await attempt(access, exchange, tried, answered));
}

function send(exchange: Exchange, { status, answer: schema }: Endpoint, reply: Reply<Endpoint>): void {
  const headers = [...everywhere, "X-Request-Id", exchange.id];
  const { body, version, location, replayed, warnings = [] } = reply;
  if (version !== undefined) headers.push("ETag", `"${version}"`);
  if (location !== undefined) headers.push("Location", location);
  if (replayed === true) headers.push("Idempotency-Replayed", "true");
  headers.push(...warningHeaders(warnings));
  if (schema === undefined) return sendEmpty(exchange.response, status, headers);
  // A column that the contract does not list never leaves.
  const shown = schema.parse(body);
  const next = (shown as { readonly next?: unknown } | undefined)?.next;
  if (typeof next === "string") headers.push("Link", nextLink(exchange, next));
  sendJson(exchange, status, headers, JSON.stringify(shown));
}

/** RFC 8288, with a relative reference. */
function nextLink({ path, query }: Exchange, next: string): string {
  const parameters = new URLSearchParams(query);
  parameters.set("after", next);
  return `<${path}?${parameters.toString()}>; rel="next"`;
}

function refuseMethod(exchange: Exchange, methods: readonly string[]): void {
  const allowed = methods.includes("GET") ? [...methods, "HEAD"] : methods;
  const message = `${(exchange.request.method ?? "").slice(0, 20)} means nothing here: ${allowed.join(", ")} do`;
  sendProblem(exchange, new RegistryError("UNSUPPORTED", message), [...everywhere, "Allow", allowed.join(", ")]);
}
