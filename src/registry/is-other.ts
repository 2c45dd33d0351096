import type { Permit } from "../access/index.ts";

/** Whether a row is of another repository than the one that rights were asked about, which has its name since. */
export function isOther({ repository }: Pick<Permit, "repository">, id: number): boolean {
  return repository !== undefined && repository !== id;
}
