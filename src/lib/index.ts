export { formatAddress, isLoopback, parseAddress } from "./address.ts";
export type { Address } from "./address.ts";
export { formatDuration, parseDuration } from "./duration.ts";
export { ensureDirectory, syncDirectory } from "./ensure-directory.ts";
export { logLevels, openLog } from "./log.ts";
export type { Log, LogLevel, OpenLog } from "./log.ts";
export { RecentMap } from "./recent-map.ts";
export { formatSize, parseSize } from "./size.ts";
export { nodeHttp } from "./node-http.ts";
