import type { AnswerOf, lifecycleRunEndpoints } from "../../contract/index.ts";
import { inspectRun, listRunImages, listRuns, noPolicy, readPolicy } from "../../registry/index.ts";
import type { InspectedRun, Registry, RunImage } from "../../registry/index.ts";
import type { HandlersOf } from "./call.ts";
import { findTarget } from "./find-target.ts";
import { answerPage, findTime, numberAfter, timeOf } from "./page.ts";
import type { Asked } from "./page.ts";

type Shown = AnswerOf<typeof lifecycleRunEndpoints.getLifecycleRun>;

export const lifecycleRunHandlers: HandlersOf<typeof lifecycleRunEndpoints> = {
  async startLifecycleRun({ management: { registry, jobs }, caller, by, permit, parameters: { name }, body }) {
    const target = { id: await findTarget(registry, permit, name), name };
    const { policy } = await readPolicy(registry.metadata.read, { repository: name, id: target.id });
    if (policy === undefined) throw noPolicy(name);
    const { run } = await jobs.metadata.write("startLifecycleRun", { by, target, confirms: body.confirm ?? null });
    jobs.wake();
    return { body: show(await inspectRun(registry, caller, run)) };
  },
  async listRepositoryLifecycleRuns({ management: { registry }, permit, parameters: { name }, query }) {
    const repository = await findTarget(registry, permit, name);
    return { body: await answerPage(query, (asked) => listBefore(registry, repository, asked), numberOf, show) };
  },
  async listLifecycleRuns({ management: { registry }, query }) {
    return { body: await answerPage(query, (asked) => listBefore(registry, null, asked), numberOf, show) };
  },
  async getLifecycleRun({ management: { registry }, caller, parameters: { run } }) {
    return { body: show(await inspectRun(registry, caller, run)) };
  },
  async listLifecycleRunImages({ management: { registry }, caller, parameters: { run }, query }) {
    const read = ({ after, limit }: Asked) => listRunImages(registry, caller, { run, from: numberAfter(after), limit });
    return { body: await answerPage(query, read, ({ place }) => String(place + 1), showImage) };
  },
};

function listBefore(registry: Registry, repository: number | null, { after, limit }: Asked): Promise<InspectedRun[]> {
  const before = after === undefined ? Number.MAX_SAFE_INTEGER : numberAfter(after);
  return listRuns(registry, { repository, before, limit });
}

function numberOf({ row }: InspectedRun): string {
  return String(row.id);
}

function show({ row, state, outcome, pendingUntil }: InspectedRun): Shown {
  const { id: run, repository, expired: planned, kept, deleted, saved, confirms } = row;
  return {
    ...{ run, repository, state, outcome, planned, kept, deleted, saved, confirms },
    plannedBytes: row.bytes,
    bytes: row.freed,
    pendingUntil: findTime(pendingUntil),
    from: row.place,
    createdBy: row.created_by,
    createdAt: timeOf(row.created_at),
    plannedAt: findTime(row.planned_at),
    endedAt: findTime(row.ended_at),
  };
}

function showImage({ digest, tags, state, note, reason, rule, along, bytes, pushedAt }: RunImage) {
  const lists = { tags: [...tags], along: [...along] };
  return { digest, ...lists, state: state as "waiting", note, reason, rule, bytes, pushedAt: timeOf(pushedAt) };
}
