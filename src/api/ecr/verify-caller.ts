import { foreseeSignature, SignatureError, verifySignature } from "../../access/index.ts";
import type { Access, Caller } from "../../access/index.ts";
import type { Exchange } from "../http/index.ts";
import { EcrError } from "./ecr-error.ts";
import type { Neighbour } from "./side-call.ts";

/** Who calls, and in which region. */
export interface Verified {
  readonly caller: Caller;
  readonly region: string;
}

/** Refuses, before the body is read, whoever signed with nothing that is known here. @throws EcrError for what the head shows to be wrong */
export async function foreseeCaller(access: Access, exchange: Exchange): Promise<void> {
  const { request, query } = exchange;
  try {
    await foreseeSignature(access, { query, headers: request.rawHeaders }, { service: "ecr", where: exchange });
  } catch (error) {
    throw translateSignature(error);
  }
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
    throw translateSignature(error);
  }
}

function translateSignature(error: unknown): unknown {
  return error instanceof SignatureError ? new EcrError(error.code, error.message, {}, error) : error;
}
