/** The driver's state out of an upload's row. */
export function parseState(state: string | null) {
  return state === null ? null : (JSON.parse(state) as { readonly size: number });
}
