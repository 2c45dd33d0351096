export { handleEcr, isEcrCall } from "./handle.ts";
export { findAccount, listAccounts, findHostRegion, listAccountsOf } from "./accounts.ts";
export { handleLayerUrl, isLayerUrl } from "./layer-url.ts";
export type { EcrSettings } from "./accounts.ts";
