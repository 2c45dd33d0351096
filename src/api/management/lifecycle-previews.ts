import type { AnswerOf, lifecyclePreviewEndpoints } from "../../contract/index.ts";
import { previewsAreKept } from "../../jobs/index.ts";
import { RegistryError } from "../../oci/index.ts";
import {
  chooseRepositories,
  inspectPreview,
  listPreviewImages,
  listPreviews,
  readPolicy,
  requirePolicy,
} from "../../registry/index.ts";
import type { InspectedPreview, LifecycleDocument } from "../../registry/index.ts";
import type { Call, HandlersOf, Management } from "./call.ts";
import { findTarget } from "./find-target.ts";
import { answerPage, findTime, numberAfter, standardPage, timeOf } from "./page.ts";
import { showDecision } from "./show-decision.ts";

type Endpoints = typeof lifecyclePreviewEndpoints;
type Shown = AnswerOf<Endpoints["getLifecyclePreview"]>;

/** Repositories of one request at most. */
const repositoriesAtOnce = 100;

export const lifecyclePreviewHandlers: HandlersOf<Endpoints> = {
  async startLifecyclePreview({ management, by, permit, parameters: { name }, body }) {
    const target = { id: await findTarget(management.registry, permit, name), name };
    await requirePolicy(management.registry, { repository: name, id: target.id }, body.policy);
    const [started] = await start(management, by, [target], body);
    return { body: started! };
  },
  async startLifecyclePreviews({ management, caller, by, body }) {
    const { registry } = management;
    const { repositories: pattern } = body;
    const wanted = { caller, action: "manage-settings", pattern, most: repositoriesAtOnce } as const;
    const found = await chooseRepositories(registry, wanted);
    const targets: { readonly id: number; readonly name: string }[] = [];
    for (const { id, name } of found) {
      const { policy } = await readPolicy(registry.metadata.read, { repository: name, id });
      if (body.policy !== undefined || policy !== undefined) targets.push({ id, name });
    }
    const [first] = targets;
    if (first === undefined) {
      const what = body.policy === undefined ? " and for which a policy holds" : "";
      const message = `no repository matches ${pattern} whose settings you may change${what}: see berth repository list`;
      throw new RegistryError("NOT_FOUND", message);
    }
    await requirePolicy(registry, { repository: first.name, id: first.id }, body.policy);
    return { body: { items: await start(management, by, targets, body) } };
  },
  async listLifecyclePreviews({ management: { registry }, permit, parameters: { name }, query }) {
    const repository = await findTarget(registry, permit, name);
    const read = ({ after, limit }: { readonly after: string | undefined; readonly limit: number }) => {
      const before = after === undefined ? Number.MAX_SAFE_INTEGER : numberAfter(after);
      return listPreviews(registry, { repository, before, limit });
    };
    return { body: await answerPage(query, read, ({ row }) => String(row.id), show) };
  },
  async getLifecyclePreview({ management: { registry }, permit, parameters: { name, preview } }) {
    const repository = await findTarget(registry, permit, name);
    return { body: show(await inspectPreview(registry, { repository, preview })) };
  },
  async listLifecyclePreviewImages({ management: { registry }, permit, parameters: { name, preview }, query }) {
    const repository = await findTarget(registry, permit, name);
    const { after, limit = standardPage, outcome } = query;
    const page = { repository, preview, from: numberAfter(after), limit, outcome };
    const { images, next } = await listPreviewImages(registry, page);
    const items = images.map((image) => ({ ...showDecision(image), change: image.change }));
    return { body: { items, next: next === null ? null : String(next) } };
  },
  async cancelLifecyclePreview({ management: { registry, jobs }, by, permit, parameters: { name, preview } }) {
    const target = { id: await findTarget(registry, permit, name), name };
    await jobs.metadata.write("cancelLifecyclePreview", { by, target, preview });
    jobs.wake();
    return { body: undefined };
  },
};

async function start(
  { registry, jobs }: Management,
  by: Call<Endpoints["startLifecyclePreview"]>["by"],
  targets: readonly { readonly id: number; readonly name: string }[],
  { policy, at }: { readonly policy?: LifecycleDocument | undefined; readonly at?: string | undefined },
): Promise<Shown[]> {
  const asked = {
    policy: policy === undefined ? null : JSON.stringify(policy),
    at: at === undefined ? null : Date.parse(at),
  };
  const order = { by, targets, keep: previewsAreKept, ...asked };
  const { previews } = await jobs.metadata.write("startLifecyclePreviews", order);
  jobs.wake();
  const found = targets.map(({ id }, index) => inspectPreview(registry, { repository: id, preview: previews[index]! }));
  return (await Promise.all(found)).map(show);
}

function show({ row, state, outcome, progress }: InspectedPreview): Shown {
  const { id: preview, repository, expired, kept, bytes, confirm, goes, stays, difference } = row;
  return {
    ...{ preview, repository, state, outcome, progress, expired, kept, bytes, confirm },
    grammar: row.grammar as Shown["grammar"],
    from: row.place,
    at: findTime(row.judged_at),
    difference: goes === null ? null : { goes, stays: stays!, bytes: difference! },
    createdBy: row.created_by,
    createdAt: timeOf(row.created_at),
    endedAt: findTime(row.ended_at),
    expiresAt: timeOf(row.expires_at),
  };
}
