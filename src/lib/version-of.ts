import { hash } from "node:crypto";

/** What names one state of a row, for `ETag` and `If-Match`: other values give another text. */
export function versionOf(values: readonly (string | number | boolean | null)[]): string {
  return hash("sha256", JSON.stringify(values), "base64url").slice(0, 22);
}
