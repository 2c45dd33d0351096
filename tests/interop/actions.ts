/** Columns of the matrix, in the order in which they are run. */
export const actions = [
  "push",
  "pull",
  "list",
  "delete",
  "multi-arch copy",
  "artifact with referrers",
  "resume",
  "TLS",
] as const;
export type Action = (typeof actions)[number];

/** What a run has seen of a client: kept in `tests/golden/interop.json`, and printed into `docs/interop.md`. */
export interface Row {
  readonly version: string;
  readonly cells: Readonly<Partial<Record<Action, CellResult>>>;
}
export type CellResult =
  | { readonly does: string; readonly seen: Readonly<Record<string, "passed" | "failed">> }
  | { readonly reason: string };
