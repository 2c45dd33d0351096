export { handleEcr, isEcrCall } from "./handle.ts";
export { findAccountId } from "./accounts.ts";
export { handleLayerUrl, isLayerUrl } from "./layer-url.ts";
export type { EcrSettings } from "./accounts.ts";
