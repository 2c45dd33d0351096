import { attempt } from "../../access/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { requireWritable, translateError } from "../../registry/index.ts";
import { readBody, sendJson, sendRefusal } from "../http/index.ts";
import type { Exchange } from "../http/index.ts";
import { chooseAccount, findHostAccount, findRepositoryOf, nameWithin } from "./accounts.ts";
import type { Ecr, EcrCall } from "./call.ts";
import { EcrError } from "./ecr-error.ts";
import { isServerFault, translateRefusal } from "./errors.ts";
import { parseInput } from "./model/parse-input.ts";
import { inputs } from "./model/inputs.ts";
import type { OperationName } from "./model/inputs.ts";
import { operations } from "./operations.ts";
import type { Entry } from "./operations.ts";
import { verifyCaller } from "./verify-caller.ts";

/** Before the operation's name in `X-Amz-Target`. */
const targetPrefix = "AmazonEC2ContainerRegistry_V20150921.";
const contentType = "application/x-amz-json-1.1";

/** Whether a request is a call of this protocol, of this service or another. */
export function isEcrCall({ path, request }: Exchange): boolean {
  return path === "/" && request.headers["x-amz-target"] !== undefined;
}

/** Answers a call of the ECR API (AWS JSON 1.1). What breaks is told to `log`. */
export function handleEcr(ecr: Ecr, exchange: Exchange, log: (error: unknown) => void): void {
  exchange.route = "ecr";
  void answer(ecr, exchange).then(
    (output) => sendJson(exchange, 200, ["x-amzn-RequestId", exchange.id], JSON.stringify(output), contentType),
    (error: unknown) => {
      const refusal = error instanceof EcrError ? error : translateUnknown(error);
      if (isServerFault(refusal)) log(refusal.cause ?? error);
      const status = isServerFault(refusal) ? 500 : 400;
      const headers = ["x-amzn-RequestId", exchange.id, "x-amzn-ErrorType", refusal.type];
      const document = { __type: refusal.type, message: refusal.message, ...refusal.extra };
      sendRefusal(exchange, { status }, headers, JSON.stringify(document), contentType);
    },
  );
}

/** What went wrong before there was a call: a body that ended early, or something that broke. */
function translateUnknown(error: unknown): EcrError {
  const { code, message, cause } = translateError(error);
  if (code === "INTERNAL" || code === "UNAVAILABLE")
    return new EcrError("ServerException", message, {}, cause ?? error);
  const type = code === "TOO_MANY_REQUESTS" ? "ThrottlingException" : "SerializationException";
  return new EcrError(type, message, {}, error);
}

async function answer(ecr: Ecr, exchange: Exchange): Promise<object> {
  const name = readTarget(exchange);
  const entry: Entry<OperationName> = operations[name];
  const body = await readBody(exchange, entry.bodyLimit ?? standardBodyLimit, () => tooLarge(entry));
  const { caller, region } = await verifyCaller(ecr.registry.access, exchange, body);
  exchange.principal = caller.principal;
  const input = parseInput(inputs[name], parseJson(body), entry.invalid ?? "InvalidParameterException");
  const { outside } = exchange;
  const { registryId, resourceArn = "" } = input as { readonly registryId?: string; readonly resourceArn?: string };
  const named = [registryId, findRepositoryOf(resourceArn)?.account, findHostAccount(outside.host)];
  const account = chooseAccount(ecr.settings, region, named);
  const of = { ecr, registry: ecr.registry, jobs: ecr.jobs, caller, account, region, outside, now: Date.now() };
  if ("refused" in entry) {
    throw new EcrError(entry.refused, `${name} is not served here: ${entry.reason}. See docs/guide/ecr.md`);
  }
  return run(entry, { ...of, operation: name, input });
}

async function run(entry: Extract<Entry<OperationName>, { readonly run: unknown }>, call: EcrCall): Promise<object> {
  const { registry, caller } = call;
  try {
    if (entry.writes) await requireWritable(registry);
    const { repositoryName } = call.input as { readonly repositoryName?: string };
    const repository = repositoryName === undefined ? "" : nameWithin(call.account, repositoryName);
    const tried = { action: `ecr:${call.operation}`, repository, target: "" };
    return await attempt(registry.access, caller, tried, Promise.resolve(entry.run(call)));
  } catch (error) {
    if (error instanceof EcrError) throw error;
    throw translateRefusal(call, translateError(error));
  }
}

/** @throws EcrError UnknownOperationException */
function readTarget({ request }: Exchange): OperationName {
  const target = String(request.headers["x-amz-target"]);
  const name = target.startsWith(targetPrefix) ? target.slice(targetPrefix.length) : "";
  if (request.method === "POST" && Object.hasOwn(operations, name)) return name as OperationName;
  const message =
    request.method === "POST" ? "there is no such operation: see docs/guide/ecr.md for those that are" : "send a POST";
  throw new EcrError("UnknownOperationException", message);
}

/** Bytes. */
const standardBodyLimit = 1024 ** 2;

function tooLarge({ bodyLimit = standardBodyLimit }: Entry<OperationName>): RegistryError {
  return new RegistryError("BODY_TOO_LARGE", `a call of this operation has at most ${bodyLimit} bytes: send less`);
}

function parseJson(body: Uint8Array): unknown {
  if (body.length === 0) return {};
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    throw new EcrError("SerializationException", "the body is not JSON in UTF-8: send an object with the parameters");
  }
}
