import { parseLinearPattern } from "../../../lib/patterns/index.ts";
import type { LinearPattern } from "../../../lib/patterns/index.ts";

/** Bounds of a length, a number or a list; undefined for none. */
interface Bounds {
  readonly min?: number;
  readonly max?: number;
}

/** An expression as the service's documentation writes it, and what decides in linear time whether a whole text matches. */
export interface ShownPattern {
  readonly shown: string;
  readonly pattern: LinearPattern;
}

/** What a member of an input may be; `T` is what it is once it was checked. */
export type Shape<T = unknown> = ShapeKind & {
  /** Carries the type only. */
  readonly type?: T;
};

type ShapeKind =
  | (Bounds & {
      readonly kind: "text";
      readonly pattern?: ShownPattern | undefined;
      readonly values?: readonly string[] | undefined;
    })
  | (Bounds & { readonly kind: "number" })
  | (Bounds & { readonly kind: "bytes" })
  | { readonly kind: "flag" }
  | (Bounds & { readonly kind: "list"; readonly of: Shape })
  | { readonly kind: "structure"; readonly required: Members; readonly optional: Members };

export type Members = Readonly<Record<string, Shape>>;

/** Text; its length counts characters. */
export function text(bounds: Bounds = {}, pattern?: string): Shape<string> {
  if (pattern === undefined) return { kind: "text", ...bounds };
  return { kind: "text", ...bounds, pattern: { shown: pattern, pattern: parseLinearPattern(pattern) } };
}

/** One of these words. */
export function word<const W extends string>(...values: readonly W[]): Shape<W> {
  return { kind: "text", values };
}

/** A whole number. */
export function number(bounds: Bounds): Shape<number> {
  return { kind: "number", ...bounds };
}

/** Base64 on the wire; the bounds count bytes. */
export function bytes(bounds: Bounds): Shape<Buffer> {
  return { kind: "bytes", ...bounds };
}

export const flag: Shape<boolean> = { kind: "flag" };

export function list<T>(of: Shape<T>, bounds: Bounds = {}): Shape<readonly T[]> {
  return { kind: "list", of, ...bounds };
}

type TypeOf<S> = S extends { readonly type?: infer T } ? Exclude<T, undefined> : never;

/** What a structure of these members is. */
export type StructureOf<R extends Members, O extends Members> = { readonly [K in keyof R]: TypeOf<R[K]> } & {
  readonly [K in keyof O]?: TypeOf<O[K]>;
};

/** Members that must be there, and such as may be. */
export function structure<R extends Members, O extends Members>(required: R, optional: O): Shape<StructureOf<R, O>> {
  return { kind: "structure", required, optional };
}
