export { judgeUnused } from "./collection.ts";
export type { CollectionFacts, CollectionRule, Verdict } from "./collection.ts";
