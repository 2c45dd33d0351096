import { translateError } from "../../registry/index.ts";
import { sendJson, sendRefusal } from "../http/index.ts";
import type { Exchange } from "../http/index.ts";
import { EcrError } from "./ecr-error.ts";
import { isServerFault } from "./errors.ts";

const contentType = "application/x-amz-json-1.1";

/** Sends what a call gave, or the error that it ended with, as AWS JSON 1.1 has it. What breaks is told to `log`. */
export function answerCall(exchange: Exchange, output: Promise<object>, log: (error: unknown) => void): void {
  exchange.route = "ecr";
  void output.then(
    (members) => sendJson(exchange, 200, ["x-amzn-RequestId", exchange.id], JSON.stringify(members), contentType),
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

/** The parameters of a call. @throws EcrError SerializationException */
export function parseJson(body: Uint8Array): unknown {
  if (body.length === 0) return {};
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    throw new EcrError("SerializationException", "the body is not JSON in UTF-8: send an object with the parameters");
  }
}
