export { showCollection } from "./collection.ts";
export type { Management } from "./call.ts";
export { handleManagement } from "./handle.ts";
