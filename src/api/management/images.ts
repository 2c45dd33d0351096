import type { imageEndpoints } from "../../contract/index.ts";
import {
  deleteManifest,
  deleteTag,
  describeTags,
  inspectImage,
  inspectTag,
  listImages,
  setImageClass,
  setTag,
  weighPending,
} from "../../registry/index.ts";
import type { InspectedTag, ListedImage } from "../../registry/index.ts";
import type { HandlersOf } from "./call.ts";
import { answerPage, findTime, standardPage, timeOf } from "./page.ts";
import type { Asked } from "./page.ts";

export const imageHandlers: HandlersOf<typeof imageEndpoints> = {
  async listImages({ management: { registry }, caller, parameters, query }) {
    const { tag, untagged, os, architecture, variant, pushedBefore, pushedAfter } = query;
    const filter = {
      ...{ tag, untagged, os, architecture, variant },
      pushedBefore: pushedBefore === undefined ? undefined : Date.parse(pushedBefore),
      pushedAfter: pushedAfter === undefined ? undefined : Date.parse(pushedAfter),
    };
    const { after, limit = standardPage } = query;
    const { images, next } = await listImages(registry, caller, parameters.name, filter, after, limit);
    return { body: { items: images.map(show), next } };
  },
  async getImage({ management: { registry }, caller, parameters }) {
    const { name, digest } = parameters;
    const image = await inspectImage(registry, caller, name, digest);
    return { body: { ...image, ...show(image), children: [...image.children], referrers: [...image.referrers] } };
  },
  async setImageClass({ management: { registry }, caller, parameters: { name, digest }, query, body }) {
    const { warnings } = await setImageClass(registry, caller, name, { digest }, body.storageClass, query.force);
    return { body: undefined, warnings };
  },
  async deleteImage({ management: { registry }, caller, parameters: { name, digest }, query }) {
    const { warnings, undo } = await deleteManifest(registry, caller, name, digest, query);
    const pending = await weighPending(registry, undo);
    const until = pending === undefined ? null : timeOf(pending.until);
    return { body: { undo, pendingUntil: until, pendingBytes: pending?.bytes ?? 0 }, warnings };
  },
  async listTags({ management: { registry }, caller, parameters, query }) {
    const name = parameters.name;
    const read = ({ after, limit }: Asked) => describeTags(registry, caller, name, query.match, after ?? "", limit);
    return { body: await answerPage(query, read, (tag) => tag.name, showTag) };
  },
  async getTag({ management: { registry }, caller, parameters: { name, tag } }) {
    const found = await inspectTag(registry, caller, name, tag);
    return { body: showTag(found), version: found.version };
  },
  async setTag({ management: { registry }, caller, parameters: { name, tag }, body, versions }) {
    await setTag(registry, caller, name, tag, body.digest, versions);
    return { body: undefined };
  },
  async deleteTag({ management: { registry }, caller, parameters: { name, tag }, query }) {
    const { warnings } = await deleteTag(registry, caller, name, tag, query);
    return { body: undefined, warnings };
  },
};

function show(image: ListedImage) {
  return {
    ...image,
    platforms: [...image.platforms],
    tags: [...image.tags],
    pushedAt: timeOf(image.pushedAt),
    pulledAt: findTime(image.pulledAt),
    archivedAt: findTime(image.archivedAt),
    restoredAt: findTime(image.restoredAt),
  };
}

function showTag(tag: InspectedTag) {
  return { ...tag, createdAt: timeOf(tag.createdAt), movedAt: timeOf(tag.movedAt), pulledAt: findTime(tag.pulledAt) };
}
