import { RegistryError } from "../../oci/index.ts";
import { requireWritable, translateError } from "../../registry/index.ts";
import { readBody } from "../http/index.ts";
import type { Exchange } from "../http/index.ts";
import { callerArn, chooseAccount } from "./accounts.ts";
import { parseJson } from "./answer-call.ts";
import type { Ecr } from "./call.ts";
import { EcrError } from "./ecr-error.ts";
import { kmsInputs } from "./kms/inputs.ts";
import { kmsOperations } from "./kms/operations.ts";
import { parseInput } from "./model/parse-input.ts";
import { secretInputs, secretOperations } from "./secrets/operations.ts";
import type { SideCall, Neighbour } from "./side-call.ts";
import { verifyCaller } from "./verify-caller.ts";

/** Services by what stands before the operation's name in `X-Amz-Target`. */
const neighbours: ReadonlyMap<string, Neighbour> = new Map([
  ["TrentService", { name: "kms", invalid: "ValidationException", inputs: kmsInputs, operations: kmsOperations }],
  [
    "secretsmanager",
    {
      name: "secretsmanager",
      invalid: "InvalidParameterException",
      inputs: secretInputs,
      operations: secretOperations,
    },
  ],
]);

/** The service beside ECR that is called; undefined for none. */
export function findNeighbour({ request }: Exchange): Neighbour | undefined {
  return neighbours.get(String(request.headers["x-amz-target"]).split(".")[0]!);
}

/** Bytes of a body at most. */
const bodyLimit = 64 * 1024;

/**
 * Answers a call of another service, as far as clients of ECR make them: of a key or a secret there is its name, and what was
 * said of it.
 * @throws EcrError
 */
export async function answerSideCall(ecr: Ecr, neighbour: Neighbour, exchange: Exchange): Promise<object> {
  const { request } = exchange;
  const [, name = ""] = String(request.headers["x-amz-target"]).split(".");
  const operation = Object.hasOwn(neighbour.operations, name) ? neighbour.operations[name] : undefined;
  if (request.method !== "POST" || operation === undefined) {
    throw new EcrError(
      "UnknownOperationException",
      "there is no such operation: see docs/guide/ecr.md for those that are",
    );
  }
  const body = await readBody(exchange, bodyLimit, () => {
    return new RegistryError("BODY_TOO_LARGE", `a call of this service has at most ${bodyLimit} bytes: send less`);
  });
  const { registry } = ecr;
  const { caller, region } = await verifyCaller(registry.access, exchange, body, neighbour.name);
  exchange.principal = caller.principal;
  ecr.traffic.admit(exchange);
  const input = parseInput(neighbour.inputs[name]!, parseJson(body), neighbour.invalid);
  const account = chooseAccount(ecr.settings, region, []);
  const call = { registry, caller, account, region, input, now: Date.now() };
  try {
    if (operation.writes) await requireWritable(registry);
    return await operation.run(call as never);
  } catch (error) {
    throw error instanceof EcrError ? error : translateRefusal(neighbour, name, call, translateError(error));
  }
}

function translateRefusal(
  neighbour: Neighbour,
  name: string,
  { region, account, caller }: SideCall,
  error: RegistryError,
): EcrError {
  const { code } = error;
  if (code === "INTERNAL" || code === "UNAVAILABLE") return new EcrError("ServerException", error.message, {}, error);
  if (code !== "DENIED" && code !== "UNAUTHORIZED" && code !== "READ_ONLY") {
    return new EcrError(neighbour.invalid, error.message, {}, error);
  }
  const who = callerArn(region, account, caller.principal);
  const action = `${neighbour.name}:${name}`;
  const message = `User: ${who} is not authorized to perform: ${action} because no identity-based policy allows the ${action} action`;
  return new EcrError("AccessDeniedException", message, {}, error);
}
