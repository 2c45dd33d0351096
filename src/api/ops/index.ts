export type { Metric } from "./metric.ts";
export { openOps } from "./open-ops.ts";
export type { Ops } from "./open-ops.ts";
export { Readiness } from "./readiness.ts";
export { RequestMetrics } from "./request-metrics.ts";
