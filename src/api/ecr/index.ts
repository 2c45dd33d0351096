export { handleEcr, isEcrCall } from "./handle.ts";
export type { EcrSettings } from "./accounts.ts";
