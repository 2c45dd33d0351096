export { handleSts, isStsCall } from "./handle.ts";
export type { StsDoor } from "./handle.ts";
