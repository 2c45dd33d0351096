import { attempt } from "../../access/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { requireWritable, translateError } from "../../registry/index.ts";
import { readBody } from "../http/index.ts";
import type { Exchange } from "../http/index.ts";
import { chooseAccount, findHostAccount, findRepositoryOf, nameWithin, refuseOther } from "./accounts.ts";
import { answerCall, parseJson } from "./answer-call.ts";
import { answerSideCall, findNeighbour } from "./answer-side-call.ts";
import type { Ecr, EcrCall } from "./call.ts";
import { EcrError } from "./ecr-error.ts";
import type { Entry } from "./entry.ts";
import { translateRefusal } from "./errors.ts";
import { parseInput } from "./model/parse-input.ts";
import { inputs } from "./model/inputs.ts";
import type { OperationName } from "./model/inputs.ts";
import { operations } from "./operations.ts";
import { foreseeCaller, verifyCaller } from "./verify-caller.ts";

/** Before the operation's name in `X-Amz-Target`. */
const targetPrefix = "AmazonEC2ContainerRegistry_V20150921.";

/** Whether a request is a call of this protocol, of this service or another. */
export function isEcrCall({ path, request }: Exchange): boolean {
  return path === "/" && request.headers["x-amz-target"] !== undefined;
}

/** Answers a call of the ECR API, or of what its clients ask beside it (AWS JSON 1.1). What breaks is told to `log`. */
export function handleEcr(ecr: Ecr, exchange: Exchange, log: (error: unknown) => void): void {
  const beside = findNeighbour(exchange);
  answerCall(exchange, beside === undefined ? answer(ecr, exchange) : answerSideCall(ecr, beside, exchange), log);
}

async function answer(ecr: Ecr, exchange: Exchange): Promise<object> {
  const name = readTarget(exchange);
  const entry: Entry<OperationName> = operations[name];
  await foreseeCaller(ecr.registry.access, exchange);
  const body = await readBody(exchange, entry.bodyLimit ?? standardBodyLimit, () => tooLarge(entry));
  const { caller: signer, region } = await verifyCaller(ecr.registry.access, exchange, body);
  exchange.principal = signer.principal;
  ecr.traffic.admit(exchange, name === "UploadLayerPart");
  const caller = { ...signer, secure: exchange.secure, operation: `ecr:${name}` };
  const input = parseInput(inputs[name], parseJson(body), entry.invalid ?? "InvalidParameterException");
  const { outside } = exchange;
  const { registryId, resourceArn = "" } = input as { readonly registryId?: string; readonly resourceArn?: string };
  const stated = registryId ?? findRepositoryOf(resourceArn)?.account;
  const account = chooseAccount(ecr.settings, region, [stated, findHostAccount(outside.host)]);
  const of = { ecr, registry: ecr.registry, jobs: ecr.jobs, caller, account, region, outside, now: Date.now() };
  if ("refused" in entry) {
    throw new EcrError(entry.refused, `${name} is not served here: ${entry.reason}. See docs/guide/ecr.md`);
  }
  if (entry.writes) refuseOther(ecr.settings, account, stated);
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
