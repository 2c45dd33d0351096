import { RegistryError } from "../../oci/index.ts";
import { translateError } from "../../registry/index.ts";
import { sendError, sendRefusal } from "../http/index.ts";
import type { Exchange } from "../http/index.ts";
import { challengeHeaders } from "./challenge.ts";
import type { Face } from "./challenge.ts";
import { distributionErrors } from "./errors.ts";

/** Tells whatever was run into, in the words of the face. What breaks is told to `log`. */
export function fail(face: Face, exchange: Exchange, error: unknown, log: (error: unknown) => void): void {
  const translated = translateError(error);
  if (translated.code === "INTERNAL" || translated.code === "UNAVAILABLE" || translated.code === "STORAGE_FULL")
    log(error);
  const told = face.tell?.(exchange, translated);
  const wire = told ?? distributionErrors[translated.code];
  const headers = wire.status === 401 ? challengeHeaders(face, exchange, translated) : [];
  if (told === undefined) return sendError(exchange, translated, wire, headers);
  if (told.plain !== undefined) {
    const all = ["Docker-Distribution-Api-Version", "registry/2.0", ...headers];
    return sendRefusal(exchange, wire, all, told.plain, "text/plain; charset=utf-8");
  }
  sendError(exchange, new RegistryError(translated.code, told.message ?? translated.message), wire, headers);
}
