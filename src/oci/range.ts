import { RegistryError } from "./error.ts";

/** First and last byte, both included. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * The part of `size` bytes that a Range header asks for (RFC 9110, 14.2). Several ranges, other units and what is not
 * understood are served whole, as the RFC allows.
 */
export function parseByteRange(header: string | undefined, size: number): ByteRange | "whole" | "unsatisfiable" {
  const match = header === undefined ? null : /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i.exec(header);
  if (match === null) return "whole";
  const [, first = "", last = ""] = match;
  if (first === "") {
    if (last === "") return "whole";
    const suffix = Number(last);
    if (suffix === 0 || size === 0) return "unsatisfiable";
    return { start: Math.max(0, size - suffix), end: size - 1 };
  }
  const start = Number(first);
  const end = last === "" ? size - 1 : Math.min(Number(last), size - 1);
  // `500-0` is no range at all by the RFC; clients that send it want to hear so.
  if (start >= size || end < start) return "unsatisfiable";
  return { start, end };
}

/** The bytes that a chunk of an upload says it is (end-5): `0-1023`, both included. @throws RegistryError RANGE_INVALID */
export function parseContentRange(header: string): ByteRange {
  const match = /^(?:bytes[ =])?[ \t]*(\d{1,15})-(\d{1,15})(?:\/(?:\d{1,15}|\*))?$/.exec(header.trim());
  const start = Number(match?.[1]);
  const end = Number(match?.[2]);
  if (match !== null && end >= start) return { start, end };
  throw new RegistryError(
    "RANGE_INVALID",
    "Content-Range of a chunk has the form <first byte>-<last byte>, both included",
    {
      detail: { contentRange: header.slice(0, 100) },
    },
  );
}
