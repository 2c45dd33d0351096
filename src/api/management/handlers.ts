import type { endpoints } from "../../contract/index.ts";
import type { HandlersOf } from "./call.ts";
import { meHandlers } from "./me.ts";
import { namespaceHandlers } from "./namespaces.ts";

/** What each route does: one that has no handler does not compile. */
export const handlers: HandlersOf<typeof endpoints> = { ...meHandlers, ...namespaceHandlers };
