/** A repository that one client fills and renames, from one namespace to another and back. */
export interface Moving {
  readonly names: readonly [string, string];
  /** Which of the names it has; undefined when nobody knows. */
  at: 0 | 1 | undefined;
  /** By tag; `sure` once the push was answered. */
  readonly images: Map<string, { readonly text: string; readonly layers: readonly string[]; sure: boolean }>;
  /** Renames to each of the names: answered, and asked for. */
  readonly renames: readonly [Renames, Renames];
}

interface Renames {
  sure: number;
  all: number;
}

/** Whether a repository, or what is in it, belongs to those that are renamed. */
export const isMoved = (repository: string | undefined) => /^stress\/\w+\/moved-/.test(repository ?? "");

export function newMoving(client: number): Moving {
  const none = () => ({ sure: 0, all: 0 });
  return {
    names: [`stress/long/moved-${client}`, `stress/short/moved-${client}`],
    ...{ at: 0, images: new Map(), renames: [none(), none()] },
  };
}
