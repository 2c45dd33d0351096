import { createHash } from "node:crypto";
import { tagsOfEvent } from "../policy/index.ts";
import type { EcrPlace, Message, ToldEvent } from "./told-event.ts";

/** Types of which there may be something to say. */
export const eventBridgeTypes: readonly string[] = ["image.pushed", "image.deleted", "tag.moved"];

/** Whether an event is an action on an image: a tag that moved by a push is told of by the push. */
export function isImageAction(type: string, payload: ToldEvent["payload"]): boolean {
  return type === "tag.moved" ? payload["pushed"] !== true : eventBridgeTypes.includes(type);
}

/**
 * `ECR Image Action`, as Amazon ECR gives it to EventBridge (ecr-api.md 1.10): one for each tag of an image that was pushed or
 * deleted, or one without. A tag that was made or moved by itself is a push of it, as with `PutImage`; one that was deleted by itself is a
 * delete. What tries a webhook out is told under another source, so that nobody takes it for a push.
 */
export function renderImageActions(event: ToldEvent, place: EcrPlace): Message[] {
  const { type, payload } = event;
  if (type === "webhook.tested") {
    return [
      renderOne(event, { ...place, arn: undefined }, 0, {
        type: "Webhook Test",
        source: "berth",
        detail: { target: payload["target"] },
      }),
    ];
  }
  if (!isImageAction(type, payload)) return [];
  const isGone = type === "image.deleted" || payload["deleted"] === true;
  const digest = type === "tag.moved" ? payload["digest"] : payload["target"];
  const tags = tagsOfEvent(type, payload);
  const told = tags.length === 0 ? [undefined] : tags;
  return told.map((tag, index) => {
    const detail = {
      result: "SUCCESS",
      "repository-name": place.name,
      ...(typeof digest === "string" ? { "image-digest": digest } : {}),
      "action-type": isGone ? "DELETE" : "PUSH",
      ...(tag === undefined ? {} : { "image-tag": tag }),
    };
    const message = renderOne(event, place, index, { type: "ECR Image Action", source: "aws.ecr", detail });
    return told.length > 1 ? { ...message, part: String(index) } : message;
  });
}

function renderOne(
  { id, at }: ToldEvent,
  { account, region, arn }: Omit<EcrPlace, "arn" | "name"> & { readonly arn: string | undefined },
  index: number,
  { type, source, detail }: { readonly type: string; readonly source: string; readonly detail: object },
): Message {
  const body = {
    ...{ version: "0", id: uuidOf(`${id}-${index}`), "detail-type": type, source, account },
    // Whole seconds, as EventBridge has them.
    time: `${new Date(at).toISOString().slice(0, 19)}Z`,
    ...{ region, resources: arn === undefined ? [] : [arn], detail },
  };
  return { headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}

/** The same for the same event: readers of EventBridge expect UUIDs (version 8 of RFC 9562 is what the maker chooses). */
function uuidOf(text: string): string {
  const hex = createHash("sha256").update(text).digest("hex");
  const variant = ((Number.parseInt(hex[16]!, 16) & 3) | 8).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    variant + hex.slice(17, 20),
    hex.slice(20, 32),
  ].join("-");
}
