import type { lifecycleEndpoints } from "../../contract/index.ts";
import { previewLifecycle } from "../../registry/index.ts";
import type { HandlersOf } from "./call.ts";
import { timeOf } from "./page.ts";
import { showDecision } from "./show-decision.ts";

/** Images of a page where the client does not say. */
const standardPage = 1000;

export const lifecycleHandlers: HandlersOf<typeof lifecycleEndpoints> = {
  async previewLifecycle({ management: { registry }, caller, parameters: { name }, body }) {
    const { policy: document, at, after = 0, limit = standardPage } = body;
    const question = { document, at: at === undefined ? undefined : Date.parse(at), after, limit };
    const { images, difference, ...preview } = await previewLifecycle(registry, caller, name, question);
    return {
      body: {
        ...{ ...preview, repository: name, at: timeOf(preview.at) },
        difference:
          difference === null ? null : { ...difference, goes: [...difference.goes], stays: [...difference.stays] },
        images: images.map(showDecision),
      },
    };
  },
};
