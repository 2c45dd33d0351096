import type { quotaEndpoints } from "../../contract/index.ts";
import { inspectQuotas, recountQuotas } from "../../registry/index.ts";
import type { HandlersOf } from "./call.ts";

export const quotaHandlers: HandlersOf<typeof quotaEndpoints> = {
  async showQuotas({ management: { registry }, caller, parameters: { path } }) {
    return { body: { items: [...(await inspectQuotas(registry, caller, path))] } };
  },
  async recountQuotas({ management: { registry }, caller, parameters: { path } }) {
    return { body: { items: [...(await recountQuotas(registry, caller, path))] } };
  },
};
