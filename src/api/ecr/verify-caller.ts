import { SignatureError, verifySignature } from "../../access/index.ts";
import type { Access, Caller } from "../../access/index.ts";
import type { Exchange } from "../http/index.ts";
import { EcrError } from "./ecr-error.ts";
import type { Neighbour } from "./side-call.ts";

/** Who calls, and in which region. */
export interface Verified {
  readonly caller: Caller;
  readonly region: string;
}

/** Who signed the call. @param service for which it is @throws EcrError for a signature that is missing, not whole, wrong or ended */
export async function verifyCaller(
  access: Access,
  exchange: Exchange,
  body: Uint8Array,
  service: "ecr" | Neighbour["name"] = "ecr",
): Promise<Verified> {
  const { request, path, query } = exchange;
  const signed = { method: request.method ?? "", path, query, headers: request.rawHeaders, body };
  try {
    return await verifySignature(access, signed, { service, where: exchange });
  } catch (error) {
    if (error instanceof SignatureError) throw new EcrError(error.code, error.message, {}, error);
    throw error;
  }
}
