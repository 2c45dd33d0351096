import { apiPrefix } from "../../contract/index.ts";
import type { holdEndpoints } from "../../contract/index.ts";
import { listHolds, listNamespaceHolds, releaseHold, setHold } from "../../registry/index.ts";
import type { HoldRow } from "../../metadata/index.ts";
import type { HandlersOf } from "./call.ts";
import { answerPage, numberAfter, timeOf } from "./page.ts";
import type { Asked } from "./page.ts";

const cursorOf = ({ id }: HoldRow) => String(id);

export const holdHandlers: HandlersOf<typeof holdEndpoints> = {
  async listNamespaceHolds({ management: { registry }, caller, parameters: { path }, query }) {
    const read = ({ after, limit }: Asked) =>
      listNamespaceHolds(registry, caller, path, { after: numberAfter(after), limit });
    return { body: await answerPage(query, read, cursorOf, show) };
  },
  async listHolds({ management: { registry }, caller, parameters: { name }, query }) {
    const read = ({ after, limit }: Asked) => listHolds(registry, caller, name, { after: numberAfter(after), limit });
    return { body: await answerPage(query, read, cursorOf, show) };
  },
  async setHold({ management: { registry }, caller, parameters: { name }, body, once }) {
    const { digest, reason } = body;
    const { hold, replayed } = await setHold(registry, caller, name, { digest, reason }, once);
    return { body: show(hold), replayed, location: `${apiPrefix}/repositories/${name}/-/holds` };
  },
  async releaseHold({ management: { registry }, caller, parameters: { name, hold }, body }) {
    await releaseHold(registry, caller, name, { hold, reason: body.reason });
    return { body: undefined };
  },
};

function show({ id, repository, digest, reason, set_by: setBy, set_at }: HoldRow) {
  return { id, repository, digest, reason, setBy, setAt: timeOf(set_at) };
}
