export { parseLinearPattern } from "./linear-pattern.ts";
export type { LinearPattern } from "./linear-pattern.ts";
export { findVersion, parseVersionRange } from "./versions.ts";
export type { ParsedVersion } from "./versions.ts";
