export { parseLinearPattern } from "./linear-pattern.ts";
export type { LinearPattern } from "./linear-pattern.ts";
