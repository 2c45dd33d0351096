import { eventBridgeTypes, isImageAction, renderImageActions } from "./render-image-action.ts";
import type { EcrPlace, Message, ToldEvent } from "./told-event.ts";

/** Forms of message that receivers know. */
export type WebhookFormat =
  | "cloudevents"
  | "cloudevents-batch"
  | "cloudevents-binary"
  | "distribution"
  | "eventbridge"
  | "harbor";

/** What a message says beside the event. */
export interface Teller {
  /** Names this registry: its public URL, or a URN. */
  readonly source: string;
  /** Host of the public URL, for references that a client can pull. */
  readonly host: string;
  /** Of the repository as it is now; undefined when it is gone. */
  readonly repository: { readonly createdAt: number; readonly public: boolean } | undefined;
  /** Where clients of ECR find the repository. */
  readonly ecr: EcrPlace;
}

/** Host of the source, where it is a URL. */
export function hostOf(source: string): string {
  return source.startsWith("urn:") ? "berth" : new URL(source).host;
}

/** The types that a form can say; null for all. */
export function sayableIn(format: string): readonly string[] | null {
  if (format === "distribution") return Object.keys(distributionActions);
  if (format === "eventbridge") return eventBridgeTypes;
  return format === "harbor" ? Object.keys(harborTypes) : null;
}

/** Whether a form that can say the type has anything to say of this event. */
export function saysAnything(format: string, { type, payload }: Pick<ToldEvent, "type" | "payload">): boolean {
  return format !== "eventbridge" || isImageAction(type, payload);
}

/** Whether one message of the form tells of several events. */
export function isBatched(format: string): boolean {
  return format === "cloudevents-batch";
}

/**
 * What is sent of one event, one message after the other: of most forms one. None where the form has nothing to say of it, as when
 * a webhook was given another form while the event waited.
 */
export function renderEvent(format: WebhookFormat, event: ToldEvent, teller: Teller): readonly Message[] {
  return format === "eventbridge" ? renderImageActions(event, teller.ecr) : [renderWhole(format, event, teller)];
}

function renderWhole(format: Exclude<WebhookFormat, "eventbridge">, event: ToldEvent, teller: Teller): Message {
  switch (format) {
    case "cloudevents":
      return renderStructured(event, teller);
    case "cloudevents-batch":
      return renderBatch([event], teller);
    case "cloudevents-binary":
      return renderBinary(event, teller);
    case "distribution":
      return renderDistribution(event, teller);
    case "harbor":
      return renderHarbor(event, teller);
  }
}

/** CloudEvents 1.0. */
function attributesOf(event: ToldEvent, { source }: Teller) {
  const { id, type, at } = event;
  return { specversion: "1.0", id, source, type, subject: subjectOf(event), time: new Date(at).toISOString() };
}

function renderStructured(event: ToldEvent, teller: Teller): Message {
  const body = JSON.stringify(structureOf(event, teller));
  return { headers: { "content-type": "application/cloudevents+json; charset=utf-8" }, body };
}

/** The batched mode of CloudEvents' HTTP binding (3.3): a list of events, in the order in which they happened to a tag. */
export function renderBatch(events: readonly ToldEvent[], teller: Teller): Message {
  const body = JSON.stringify(events.map((event) => structureOf(event, teller)));
  return { headers: { "content-type": "application/cloudevents-batch+json; charset=utf-8" }, body };
}

function structureOf(event: ToldEvent, teller: Teller) {
  return { ...attributesOf(event, teller), datacontenttype: "application/json", data: dataOf(event) };
}

function renderBinary(event: ToldEvent, teller: Teller): Message {
  const attributes = Object.entries(attributesOf(event, teller)).map(([name, value]) => [
    `ce-${name}`,
    // HTTP binding 3.1.3.2: what is not printable ASCII, the quote and the percent sign are percent-encoded.
    encodeURI(value).replaceAll(/%(?:5B|5D|5E|60|7B|7C|7D|3C|3E|5C)/g, (code) => decodeURIComponent(code)),
  ]);
  const headers = { ...Object.fromEntries(attributes), "content-type": "application/json" };
  return { headers, body: JSON.stringify(dataOf(event)) };
}

/** `team/app:v1`, `team/app@sha256:…`, `team/app`, `team`, or what the event names. */
function subjectOf({ type, repository, payload }: ToldEvent): string {
  const target = textOf(payload["target"]);
  if (type.startsWith("tag.")) return `${repository}:${target}`;
  if (type.startsWith("image.")) return `${repository}@${target}`;
  return repository || target || "/";
}

function dataOf({ type, repository, payload }: ToldEvent): object {
  const { target, principal, ...facts } = payload;
  const named = type.startsWith("tag.") ? { tag: target } : type.startsWith("image.") ? { digest: target } : { target };
  return { ...(repository === "" ? {} : { repository }), ...named, actor: principal ?? null, ...facts };
}

const distributionActions: Readonly<Record<string, string>> = {
  "image.pushed": "push",
  "image.pulled": "pull",
  "image.deleted": "delete",
};

/** The envelope of Docker Registry notifications: one event for each tag, or one without. */
function renderDistribution(event: ToldEvent, { source, host }: Teller): Message {
  const { id, type, repository, at, payload } = event;
  const digest = textOf(payload["target"]);
  const size = payload["size"];
  const target = {
    mediaType: payload["mediaType"],
    ...(typeof size === "number" ? { size, length: size } : {}),
    ...{ digest, repository, url: `${source.startsWith("urn:") ? "" : source}/v2/${repository}/manifests/${digest}` },
  };
  const tags = tagsIn(payload);
  const events = (tags.length === 0 ? [undefined] : tags).map((tag, index) => ({
    id: tags.length > 1 ? `${id}-${index}` : id,
    timestamp: new Date(at).toISOString(),
    action: distributionActions[type],
    target: tag === undefined ? target : { ...target, tag },
    request: { id, host },
    actor: { name: payload["principal"] },
    source: { addr: host },
  }));
  const headers = { "content-type": "application/vnd.docker.distribution.events.v2+json" };
  return { headers, body: JSON.stringify({ events }) };
}

const harborTypes: Readonly<Record<string, string>> = {
  "image.pushed": "PUSH_ARTIFACT",
  "image.pulled": "PULL_ARTIFACT",
  "image.deleted": "DELETE_ARTIFACT",
};

/** Harbor's default payload. */
function renderHarbor({ type, repository, at, payload }: ToldEvent, teller: Teller): Message {
  const digest = textOf(payload["target"]);
  const slash = repository.lastIndexOf("/");
  const tags = tagsIn(payload);
  const resources = (tags.length === 0 ? [digest] : tags).map((tag) => {
    const reference = tag === digest ? `@${digest}` : `:${tag}`;
    return { digest, tag, resource_url: `${teller.host}/${repository}${reference}` };
  });
  const body = {
    type: harborTypes[type],
    occur_at: Math.floor(at / 1000),
    operator: textOf(payload["principal"]).replace(/^\w+:/, ""),
    event_data: {
      resources,
      repository: {
        ...(teller.repository === undefined ? {} : { date_created: Math.floor(teller.repository.createdAt / 1000) }),
        name: repository.slice(slash + 1),
        namespace: slash < 0 ? "" : repository.slice(0, slash),
        repo_full_name: repository,
        repo_type: teller.repository?.public === true ? "public" : "private",
      },
    },
  };
  return { headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}

function tagsIn({ tags, tag }: ToldEvent["payload"]): string[] {
  if (typeof tag === "string") return [tag];
  return Array.isArray(tags) ? tags.filter((one) => typeof one === "string") : [];
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
