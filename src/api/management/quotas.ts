import type { quotaEndpoints } from "../../contract/index.ts";
import { inspectQuotas, recountQuotas } from "../../registry/index.ts";
import type { HandlersOf } from "./call.ts";
import { timeOf } from "./page.ts";

export const quotaHandlers: HandlersOf<typeof quotaEndpoints> = {
  async showQuotas({ management: { registry }, caller, parameters: { path } }) {
    const items = (await inspectQuotas(registry, caller, path)).map(({ pending, givenUp, ...quota }) => ({
      ...quota,
      pending: pending === null ? null : { bytes: pending.bytes, until: timeOf(pending.until) },
      givenUp: givenUp === null ? null : { count: givenUp.count, at: timeOf(givenUp.at) },
    }));
    return { body: { items } };
  },
  async recountQuotas({ management: { registry }, caller, parameters: { path } }) {
    return { body: { items: [...(await recountQuotas(registry, caller, path))] } };
  },
};
