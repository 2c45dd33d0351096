import { RegistryError } from "../../../oci/index.ts";
import { requireWritable, translateError } from "../../../registry/index.ts";
import { readBody } from "../../http/index.ts";
import type { Exchange } from "../../http/index.ts";
import { callerArn, chooseAccount } from "../accounts.ts";
import { parseJson } from "../answer-call.ts";
import type { Ecr } from "../call.ts";
import { EcrError } from "../ecr-error.ts";
import { parseInput } from "../model/parse-input.ts";
import type { Shape } from "../model/shape.ts";
import { verifyCaller } from "../verify-caller.ts";
import { kmsInputs } from "./inputs.ts";
import type { KmsName } from "./inputs.ts";
import type { KmsCall } from "./kms-call.ts";
import { kmsOperations } from "./operations.ts";

/** Before the operation's name in `X-Amz-Target`. */
export const kmsPrefix = "TrentService.";

/** Bytes of a body at most. */
const bodyLimit = 64 * 1024;

/**
 * Answers a call of the Key Management Service, as far as clients of ECR make them: of a key there is its name, and what was
 * said of it.
 * @throws EcrError
 */
export async function answerKms(ecr: Ecr, exchange: Exchange): Promise<object> {
  const target = String(exchange.request.headers["x-amz-target"]).slice(kmsPrefix.length);
  if (exchange.request.method !== "POST" || !Object.hasOwn(kmsOperations, target)) {
    throw new EcrError(
      "UnknownOperationException",
      "there is no such operation: see docs/guide/ecr.md for those that are",
    );
  }
  const name = target as KmsName;
  const body = await readBody(exchange, bodyLimit, () => {
    return new RegistryError("BODY_TOO_LARGE", `a call about a key has at most ${bodyLimit} bytes: send less`);
  });
  const { registry } = ecr;
  const { caller, region } = await verifyCaller(registry.access, exchange, body, "kms");
  exchange.principal = caller.principal;
  const shape: Shape = kmsInputs[name];
  const input = parseInput(shape, parseJson(body), "ValidationException");
  const account = chooseAccount(ecr.settings, region, []);
  const call = { registry, caller, account, region, input, now: Date.now() };
  try {
    const operation = kmsOperations[name];
    if (operation.writes) await requireWritable(registry);
    return await operation.run(call as never);
  } catch (error) {
    throw error instanceof EcrError ? error : translateRefusal(name, call, translateError(error));
  }
}

function translateRefusal(name: KmsName, { region, account, caller }: KmsCall, error: RegistryError): EcrError {
  const { code } = error;
  if (code === "INTERNAL" || code === "UNAVAILABLE") return new EcrError("ServerException", error.message, {}, error);
  if (code !== "DENIED" && code !== "UNAUTHORIZED" && code !== "READ_ONLY") {
    return new EcrError("ValidationException", error.message, {}, error);
  }
  const who = callerArn(region, account, caller.principal.name);
  const message = `User: ${who} is not authorized to perform: kms:${name} because no identity-based policy allows the kms:${name} action`;
  return new EcrError("AccessDeniedException", message, {}, error);
}
