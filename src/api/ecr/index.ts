export { handleEcr, isEcrCall } from "./handle.ts";
export {
  findAccount,
  findHostRegion,
  listAccounts,
  listAccountsOf,
  placeOfRepository,
  standardRegion,
} from "./accounts.ts";
export { handleLayerUrl, isLayerUrl } from "./layer-url.ts";
export type { EcrSettings } from "./accounts.ts";
