export { handleEcr, isEcrCall } from "./handle.ts";
export { findAccountId } from "./accounts.ts";
export type { EcrSettings } from "./accounts.ts";
