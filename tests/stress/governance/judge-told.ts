import type { Received } from "../../support/receiver.ts";
import { familyOf, isAccountOf } from "./ledger.ts";
import { isMoved } from "./moving.ts";
import type { Change, KnownImage, Ledger } from "./ledger.ts";

/** An event as a receiver has it. */
export interface Told {
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly data: Readonly<Record<string, unknown>> & {
    readonly repository?: string;
    readonly digest?: string;
    readonly actor?: string | null;
    readonly tags?: readonly string[];
  };
}

/** The same on the wire. */
type Sent = Omit<Told, "at"> & { readonly time: string };

/** What is where, by the events alone. */
export interface Standing {
  /** Digest by `repository:tag`. */
  readonly tags: ReadonlyMap<string, string>;
  /** `repository@digest` of those that are there. */
  readonly images: ReadonlySet<string>;
  /** Platforms and signatures of images that came back: they come along where they were gone, and nobody is told. */
  readonly unsure: ReadonlySet<string>;
}

/** Drops repeats, as a receiver does, by their ids. @returns also what is wrong with them */
export function readTold(messages: readonly Received[]): { readonly told: Told[]; readonly faults: string[] } {
  const bodies = new Map<string, string>();
  const told: Told[] = [];
  const faults: string[] = [];
  const lists = new Map<string, string>();
  for (const { headers, body } of messages) {
    const message = String(headers["webhook-id"]);
    const heard = JSON.parse(body) as Sent | readonly Sent[];
    const isList = Array.isArray(heard);
    // A list is the same each time it comes under its id; an event of it may come in another list.
    if (isList && (lists.get(message) ?? body) !== body) faults.push(`${message} came with different events`);
    lists.set(message, body);
    for (const { id, type, subject, time, data } of isList ? (heard as readonly Sent[]) : [heard as Sent]) {
      if (!isList && message !== id) faults.push(`${subject}: webhook-id ${message} is not ${id}`);
      const said = JSON.stringify({ type, subject, time, data });
      const before = bodies.get(id);
      if (before === undefined) {
        bodies.set(id, said);
        told.push({ id, type, subject, at: Date.parse(time), data });
      } else if (before !== said) faults.push(`${id} came once as ${before} and once as ${said}`);
    }
  }
  return { told, faults };
}

/** Follows the events: each must be possible where the ones before it left things. */
export function follow(ledger: Ledger, told: readonly Told[]): Standing & { readonly faults: string[] } {
  const unsure = new Set<string>();
  const tags = new Map<string, string>();
  const images = new Set<string>();
  const faults: string[] = [];
  for (const { type, subject, data } of told) {
    const { repository, digest } = data;
    const image = `${repository}@${digest}`;
    if (type === "image.pushed") images.add(image);
    else if (type === "undo.applied") {
      images.add(image);
      for (const one of familyOf(ledger, image)) unsure.add(one);
    } else if (type === "image.deleted") {
      if (!images.delete(image) && !unsure.has(image))
        faults.push(`${image} was deleted, and by the events before it was not there`);
      for (const tag of data.tags ?? []) {
        const name = `${repository}:${tag}`;
        if (tags.get(name) !== digest) faults.push(`${name} went with ${digest}, and was at ${tags.get(name)}`);
        tags.delete(name);
      }
    } else if (type === "tag.moved") {
      const there = tags.has(subject);
      if (data["deleted"] === true ? !there : data["new"] === there) {
        faults.push(`${subject}: ${JSON.stringify(data)}, and by the events before it was at ${tags.get(subject)}`);
      }
      if (data["deleted"] === true) tags.delete(subject);
      else tags.set(subject, digest!);
    }
  }
  return { tags, images, unsure, faults };
}

/**
 * What receivers were told against what clients did: nothing lost, nothing made up, nothing out of order for its tag, and
 * nothing deleted that was promised to stay.
 * @param isTold of which repositories the receiver is told
 */
export function judgeTold(ledger: Ledger, all: readonly Told[], isTold: (repository: string) => boolean): string[] {
  const told = all.filter(({ data }) => !isMoved(data.repository));
  const ours = told.filter(({ data }) => !String(data.actor).startsWith("system:"));
  return [
    ...follow(ledger, told).faults,
    ...judgeTags(ledger, ours, isTold),
    ...judgeImages(ledger, ours, isTold),
    ...judgeUndone(ledger, told, isTold),
    ...judgeKept(ledger, told),
  ];
}

function judgeTags(ledger: Ledger, ours: readonly Told[], isTold: (repository: string) => boolean): string[] {
  const moves = Map.groupBy(
    ours.filter(({ type }) => type === "tag.moved"),
    ({ subject }) => subject,
  );
  const faults = [...moves.keys()].filter((tag) => !ledger.tags.has(tag)).map((tag) => `nobody changed ${tag}`);
  for (const [tag, changes] of ledger.tags) {
    if (!isTold(tag.split(":")[0]!)) continue;
    const words = (moves.get(tag) ?? []).map(({ data }) =>
      data["deleted"] === true ? "deleted" : `to ${data.digest}`,
    );
    if (isAccountOf(changes, words)) continue;
    faults.push(`${tag}: done ${JSON.stringify(changes)}, told ${JSON.stringify(words)}`);
  }
  return faults;
}

function judgeImages(ledger: Ledger, ours: readonly Told[], isTold: (repository: string) => boolean): string[] {
  const counts = new Map<string, number>();
  for (const { type, data } of ours) {
    const name = `${type} ${data.repository}@${data.digest}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const faults: string[] = [];
  const compare = (type: string, image: string, changes: readonly Change[]) => {
    const count = counts.get(`${type} ${image}`) ?? 0;
    const sure = changes.filter((change) => change.sure).length;
    if (count < sure || count > changes.length) {
      faults.push(`${type} ${image} was told ${count} times, and happened ${sure} to ${changes.length} times`);
    }
  };
  for (const [image, { repository, pushes, deletes }] of ledger.images) {
    if (!isTold(repository)) continue;
    compare("image.pushed", image, pushes);
    compare("image.deleted", image, deletes);
  }
  return faults;
}

function judgeUndone(ledger: Ledger, told: readonly Told[], isTold: (repository: string) => boolean): string[] {
  const names = told
    .filter(({ type }) => type === "undo.applied")
    .map(({ data }) => `${data.repository}#${String(data["entry"])}`);
  const faults = names.filter((name) => !ledger.undone.has(name)).map((name) => `nobody undid ${name}`);
  for (const [name, { sure }] of ledger.undone) {
    if (!isTold(name.split("#")[0]!)) continue;
    const count = names.filter((one) => one === name).length;
    if (count > 1 || (sure && count === 0)) faults.push(`undo ${name} was told ${count} times`);
  }
  const runs = told.filter(({ type }) => type === "lifecycle.ran").map(({ data }) => Number(data["run"]));
  for (const run of new Set(runs)) {
    if (runs.filter((one) => one === run).length > 1) faults.push(`the end of run ${run} was told more than once`);
  }
  return faults;
}

/** Nothing went that was promised to stay, and lifecycle took what its policies let go, alone. */
function judgeKept(ledger: Ledger, told: readonly Told[]): string[] {
  const faults: string[] = [];
  const keeps = Map.groupBy(ledger.keeps, ({ image }) => image);
  for (const { type, at, data } of told) {
    if (type !== "image.deleted") continue;
    const image = `${data.repository}@${data.digest}`;
    for (const { why, from, until } of keeps.get(image) ?? []) {
      if (at > from && at < until) faults.push(`${image} was deleted by ${data.actor} while it was ${why}`);
    }
    const known: KnownImage | undefined = ledger.images.get(image);
    if (data.actor === "system:lifecycle" && known?.kind !== "tmp") {
      faults.push(`lifecycle deleted ${image}, which no policy lets go`);
    }
  }
  return faults;
}
