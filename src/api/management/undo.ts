import type { AnswerOf, undoEndpoints } from "../../contract/index.ts";
import {
  applyUndo,
  describeGivenUp,
  listUndo,
  listUndoBelow,
  noteUndoBelow,
  purgeUndo,
  readTagHistory,
  restoreRepository,
  undoRun,
} from "../../registry/index.ts";
import type { UndoEntry, UndoPlace } from "../../registry/index.ts";
import type { HandlersOf } from "./call.ts";
import { answerPage, findTime, numberAfter, timeOf } from "./page.ts";
import type { Asked } from "./page.ts";
import { replyRepository } from "./repositories.ts";

type Shown = AnswerOf<typeof undoEndpoints.listUndo>["items"][number];

export const undoHandlers: HandlersOf<typeof undoEndpoints> = {
  async listNamespaceUndo({ management: { registry }, caller, parameters: { path }, query }) {
    const read = ({ after, limit }: Asked) => listUndoBelow(registry, caller, path, placeAfter(after), limit);
    const page = await answerPage(query, read, ({ repository, id }) => `${repository}:${id}`, show);
    return { body: { ...page, notes: await noteUndoBelow(registry, caller, path) } };
  },
  async undoRepository({ management, caller, parameters: { name }, body }) {
    await restoreRepository(management.registry, caller, name, body.as, body.entry);
    return replyRepository({ management, caller }, body.as ?? name);
  },
  async listUndo({ management: { registry }, caller, parameters: { name }, query }) {
    const read = ({ after, limit }: Asked) => {
      const before = after === undefined ? Number.MAX_SAFE_INTEGER : numberAfter(after);
      return listUndo(registry, caller, name, before, limit);
    };
    const page = await answerPage(query, read, ({ id }) => String(id), show);
    return { body: { ...page, notes: [...(await describeGivenUp(registry.metadata.read, name))] } };
  },
  async applyUndo({ management: { registry }, caller, parameters: { name, entry } }) {
    const { kind, tags, left, ...undone } = await applyUndo(registry, caller, name, entry);
    return { body: { ...undone, kind: kind as Shown["kind"], tags: [...tags], left: [...left] } };
  },
  async purgeUndo({ management: { registry }, caller, parameters: { name, entry } }) {
    await purgeUndo(registry, caller, name, entry);
    return { body: undefined };
  },
  async undoLifecycleRun({ management: { registry }, caller, parameters: { run }, body }) {
    const { restored, left, ...undone } = await undoRun(registry, caller, run, body.after ?? 0);
    const shown = restored.map((one) => ({ ...one, kind: one.kind as Shown["kind"], tags: [...one.tags] }));
    return { body: { ...undone, restored: shown, left: [...left] } };
  },
  async getTagHistory({ management: { registry }, caller, parameters: { name, tag } }) {
    const items = await readTagHistory(registry, caller, name, tag);
    return { body: { items: items.map((one) => ({ ...one, until: findTime(one.until) })) } };
  },
};

/** @throws RegistryError PAGINATION_INVALID */
function placeAfter(after: string | undefined): UndoPlace | undefined {
  if (after === undefined) return undefined;
  const [repository = "", entry = "", ...more] = after.split(":");
  return { repository, before: numberAfter(more.length > 0 ? "" : entry) };
}

function show(entry: UndoEntry): Shown {
  const { kind, tags, at, until } = entry;
  return { ...entry, kind: kind as Shown["kind"], tags: [...tags], at: timeOf(at), until: timeOf(until) };
}
