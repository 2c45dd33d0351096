import type { AnswerOf, undoEndpoints } from "../../contract/index.ts";
import { applyUndo, listUndo, purgeUndo, readTagHistory } from "../../registry/index.ts";
import type { UndoEntry } from "../../registry/index.ts";
import type { HandlersOf } from "./call.ts";
import { answerPage, findTime, numberAfter, timeOf } from "./page.ts";
import type { Asked } from "./page.ts";

type Shown = AnswerOf<typeof undoEndpoints.listUndo>["items"][number];

export const undoHandlers: HandlersOf<typeof undoEndpoints> = {
  async listUndo({ management: { registry }, caller, parameters: { name }, query }) {
    const read = ({ after, limit }: Asked) => {
      const before = after === undefined ? Number.MAX_SAFE_INTEGER : numberAfter(after);
      return listUndo(registry, caller, name, before, limit);
    };
    return { body: await answerPage(query, read, ({ id }) => String(id), show) };
  },
  async applyUndo({ management: { registry }, caller, parameters: { name, entry } }) {
    const { kind, tags, left, ...undone } = await applyUndo(registry, caller, name, entry);
    return { body: { ...undone, kind: kind as Shown["kind"], tags: [...tags], left: [...left] } };
  },
  async purgeUndo({ management: { registry }, caller, parameters: { name, entry } }) {
    await purgeUndo(registry, caller, name, entry);
    return { body: undefined };
  },
  async getTagHistory({ management: { registry }, caller, parameters: { name, tag } }) {
    const items = await readTagHistory(registry, caller, name, tag);
    return { body: { items: items.map((one) => ({ ...one, until: findTime(one.until) })) } };
  },
};

function show(entry: UndoEntry): Shown {
  const { kind, tags, at, until } = entry;
  return { ...entry, kind: kind as Shown["kind"], tags: [...tags], at: timeOf(at), until: timeOf(until) };
}
